// What each type computes, as a line beside its name, and where it cannot be used.

import type { Architecture } from '../../architectures/architecture.ts';
import { moduleInput } from '../../interventions/configuration/modules.ts';
import { InterventionError, type InterventionType } from '../../interventions/intervention.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { Cable } from './document.ts';

export const formulas: Readonly<Record<string, string>> = {
  VanillaIntervention: 'out = source',
  AdditionIntervention: 'out = base + source',
  SubtractionIntervention: 'out = base − source',
  ZeroIntervention: 'out = 0',
  CollectIntervention: 'out = base, and it is kept',
  SkipIntervention: 'out = what enters the module, of the source',
  NoiseIntervention: 'out = base + RandomState(1).randn · 0.1346',
  RotatedSpaceIntervention: 'out = swap(base W, source W) Wᵀ',
  LowRankRotatedSpaceIntervention: 'out = base + (source W − base W) Wᵀ',
  BoundlessRotatedSpaceIntervention: 'out = ((1 − m) base W + m source W) Wᵀ',
  SigmoidMaskIntervention: 'out = (1 − m) base + m source, m = σ(mask / T)',
  SigmoidMaskRotatedSpaceIntervention: 'out = ((1 − m) base W + m source W) Wᵀ',
  PCARotatedSpaceIntervention: 'out = swap in the space of components',
  AutoencoderIntervention: 'out = swap(h(base), h(source)) W_dᵀ + b_d',
  JumpReLUAutoencoderIntervention: 'out = swap(a(base), a(source)) W_dec + b_dec',
  LoRAIntervention: 'out = base + (x A B) · scaling',
  LoreftIntervention: 'out = base + (base Wᵀ + b − base R) Rᵀ',
  NoreftIntervention: 'out = base + (base W1ᵀ + b − base W2ᵀ) W2',
  DireftIntervention: 'out = base + (base Wᵀ + b) Rᵀ',
};

/** Which options a type must be given. */
export const needsOf = ({ needs = [] }: InterventionType) => ({
  rank: needs.includes('lowRankDimension'),
  latent: needs.includes('latentDimension'),
});

/** Why a type cannot be what a cable is; null when it can. */
export function whyNotType(architecture: Architecture, cable: Cable, type: InterventionType): string | null {
  const { layout, name, width } = describeComponent(architecture, cable.to.component);
  if (layout === 'pair' && (type.isTrainable || type.units === 'joined'))
    return 'it acts on vectors, and this is one number for each pair of positions';
  if (cable.constant !== undefined && type.source !== 'run') return 'it takes no vector';
  if (type.name === 'PCARotatedSpaceIntervention')
    return 'its components come from a file; drop a pyvene folder';
  if (type.source === 'input' || type.source === 'otherInput') {
    try {
      const entering = describeComponent(architecture, moduleInput(name, 'It'));
      if (type.source === 'otherInput' && entering.width !== width)
        return 'what enters has another width than what leaves';
    } catch (error) {
      if (error instanceof InterventionError) return 'no module has this as its output';
      throw error;
    }
  }
  return null;
}
