/** Leaves room for `_sub` and a number. */
const LONGEST = 40;
/** What is added to the name of a camera for its small stream. */
export const SUB_SUFFIX = '_sub';

/** A name for the URL out of what people call the camera: `Haustür (links)` is `haustur_links`. */
export function pathNameOf(text: string): string {
  const plain = text
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, LONGEST)
    .replace(/^_+|_+$/g, '');
  // The small stream of another camera would be called like this one.
  return plain.endsWith(SUB_SUFFIX) ? plain.slice(0, -SUB_SUFFIX.length) : plain;
}

/** The first of these texts that gives a name, with a number when it is taken. */
export function freePathName(texts: readonly (string | undefined)[], isTaken: (name: string) => boolean): string {
  return freeName(texts.map((text) => pathNameOf(text ?? '')).find((name) => name !== '') ?? 'camera', isTaken);
}

/** This name, with a number when it is taken. Neither the camera nor its small stream has a name that is there already. */
export function freeName(base: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (!isTaken(name) && !isTaken(name + SUB_SUFFIX)) {
      return name;
    }
  }
}
