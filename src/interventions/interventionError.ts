// The error of interventions, in a file of its own: who only reads configurations loads no formulas.

/** An intervention or its configuration cannot be understood, or does not fit the model. */
export class InterventionError extends Error {
  override readonly name: string = 'InterventionError';
}
