/** `1.2.3`, or `1.2.3~rc1`, which is older. As Debian's versions, without the parts that Perch's never have. */
const VERSION = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:~([a-z]{1,8})(\d{0,6}))?$/;

export const isVersion = (text: string): boolean => VERSION.test(text);

/** Below 0: the first one is older. Both must be versions. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  for (const [i, part] of a.entries()) {
    const against = b[i] ?? 0;
    if (part !== against) {
      return part < against ? -1 : 1;
    }
  }
  return 0;
}

/** Compared item by item; a version without a suffix follows all versions with one. */
function partsOf(text: string): readonly (number | string)[] {
  const [, major, minor, patch, word = '~', number = '0'] = VERSION.exec(text) ?? [];
  return [Number(major), Number(minor), Number(patch), word, Number(number)];
}
