// All that a sound needs to become numbers, for whoever loads it only when there is one.

export { heardSeconds, logMel } from './logMel.ts';
export { MediaError } from './mediaError.ts';
export { readWav } from './wav.ts';
