/** Leaves room for `_sub` and a number. */
const MAX_NAME_CHARS = 40;
/** Suffix of the path of a camera's sub stream. */
export const SUB_SUFFIX = '_sub';

/** A path name made of a camera's name: `Haustür (links)` becomes `haustur_links`. */
export function pathNameOf(text: string): string {
  const plain = text
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, MAX_NAME_CHARS)
    .replace(/^_+|_+$/g, '');
  // That would be the sub stream of another camera.
  return plain.endsWith(SUB_SUFFIX) ? plain.slice(0, -SUB_SUFFIX.length) : plain;
}

/** The first text that gives a name, with a number if it is taken. */
export function freePathName(texts: readonly (string | undefined)[], isTaken: (name: string) => boolean): string {
  return freeName(texts.map((text) => pathNameOf(text ?? '')).find((name) => name !== '') ?? 'camera', isTaken);
}

/** The name, with a number if it or its sub stream's name is taken. */
export function freeName(base: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (!isTaken(name) && !isTaken(name + SUB_SUFFIX)) {
      return name;
    }
  }
}
