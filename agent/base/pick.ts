/** A new object with these properties of another object. */
export function pick<T extends object, Key extends keyof T>(from: T, keys: readonly Key[]): Pick<T, Key> {
  const picked: Partial<Pick<T, Key>> = {};
  for (const key of keys) {
    picked[key] = from[key];
  }
  return picked as Pick<T, Key>;
}
