// How figures show what a layer adds to the residual stream and what it holds: title, icon, hue.

import type { HeatmapPanel } from '../figures/description.ts';

export type ComponentLook = Pick<HeatmapPanel, 'title' | 'icon' | 'colours'>;

/** ROME's hues for its three streams; what a state-space model has in the place of MLP and attention takes theirs. */
const looks: Readonly<Record<string, ComponentLook>> = {
  block_output: { title: 'Residual state', icon: 'residual', colours: 'purples' },
  mlp_output: { title: 'MLP', icon: 'mlp', colours: 'greens' },
  attention_output: { title: 'Attention', icon: 'attention', colours: 'reds' },
  mixer_output: { title: 'Mixer', colours: 'greens' },
  ssm_output: { title: 'Recurrence', colours: 'reds' },
};

/** The look of a component that figures know; undefined for every other, which goes by its name. */
export const componentLook = (component: string): ComponentLook | undefined =>
  Object.hasOwn(looks, component) ? looks[component] : undefined;
