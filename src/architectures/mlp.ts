// The MLP sublayer, plain or gated, with its sites.

import { mul } from '../onnx/elementwise.ts';
import { slice } from '../onnx/layout.ts';
import { sizeAt, type Value } from '../onnx/value.ts';
import type { Activation } from './activation.ts';
import type { PartScope } from './architecture.ts';
import type { Module } from './module.ts';

/** down(act(up(x))) */
export function mlp(up: Module, act: Activation, down: Module): Module {
  return {
    weights: { ...up.weights, ...down.weights },
    apply: (scope, x) => {
      const { site } = scope;
      const inner = site('mlp_activation', act(up.apply(scope, site('mlp_input', x))));
      return site('mlp_output', down.apply(scope, inner));
    },
  };
}

function gated(
  modules: readonly Module[],
  branches: (scope: PartScope, x: Value) => { readonly gate: Value; readonly up: Value },
  act: Activation,
  down: Module,
): Module {
  return {
    weights: Object.assign({}, ...[...modules, down].map(({ weights }) => weights)),
    apply: (scope, x) => {
      const { site } = scope;
      const { gate, up } = branches(scope, site('mlp_input', x));
      return site('mlp_output', down.apply(scope, mul(site('mlp_activation', act(gate)), up)));
    },
  };
}

/** down(act(gate(x)) · up(x)), without sites: one of several in a sublayer. */
export function gatedUnit(gate: Module, up: Module, act: Activation, down: Module): Module {
  return {
    weights: { ...gate.weights, ...up.weights, ...down.weights },
    apply: (scope, x) => down.apply(scope, mul(act(gate.apply(scope, x)), up.apply(scope, x))),
  };
}

/** down(act(gate(x)) · up(x)) */
export function gatedMlp(gate: Module, up: Module, act: Activation, down: Module): Module {
  const branches = (scope: PartScope, x: Value) => ({ gate: gate.apply(scope, x), up: up.apply(scope, x) });
  return gated([gate, up], branches, act, down);
}

/** A gated MLP whose gate and other branch come from one matrix, the gate first. */
export function fusedGatedMlp(gateAndUp: Module, act: Activation, down: Module): Module {
  const branches = (scope: PartScope, x: Value) => {
    const both = gateAndUp.apply(scope, x);
    const width = Number(sizeAt(both.shape, 1)) / 2;
    return { gate: slice(both, 1, 0, width), up: slice(both, 1, width, 2 * width) };
  };
  return gated([gateAndUp], branches, act, down);
}
