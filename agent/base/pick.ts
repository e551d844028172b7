/** An object of these properties of another one. */
export function pick<T extends object, Key extends keyof T>(from: T, keys: readonly Key[]): Pick<T, Key> {
  const picked: Partial<Pick<T, Key>> = {};
  for (const key of keys) {
    picked[key] = from[key];
  }
  return picked as Pick<T, Key>;
}
