// Stands between a program and WebGPU's own objects, for what is counted and timed there.

export type Method = (self: object, args: readonly unknown[]) => unknown;

/** Have `by` called in place of a method; it is given the method. */
export function replaceMethod(owner: string, method: string, by: (original: Method) => Method): void {
  const made: unknown = Reflect.get(globalThis, owner);
  if (typeof made !== 'function') throw new Error(`This WebGPU has no ${owner}.`);
  const prototype: object = made.prototype;
  const original: unknown = Reflect.get(prototype, method);
  if (typeof original !== 'function') throw new Error(`${owner} of this WebGPU has no ${method}.`);
  const replaced = by((self, args) => Reflect.apply(original, self, args));
  Reflect.set(prototype, method, function own(this: object, ...args: unknown[]) {
    return replaced(this, args);
  });
}

/** Have `note` told of every call of a method. */
export function watchMethod(
  owner: string,
  method: string,
  note: (self: object, args: readonly unknown[], result: unknown) => void,
): void {
  replaceMethod(owner, method, (original) => (self, args) => {
    const result = original(self, args);
    note(self, args, result);
    return result;
  });
}
