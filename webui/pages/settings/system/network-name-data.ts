/** As the box checks `boxName`; the room is for the number of a second box. */
const HOST_LABEL = /^(?=.{1,58}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** `boxName` of typed text: `Barn.local` is `barn`. */
export const boxNameOf = (typed: string): string =>
  typed
    .trim()
    .toLowerCase()
    .replace(/\.local\.?$/, '');

export const isBoxName = (name: string): boolean => HOST_LABEL.test(name);

/**
 * Address of this page by the present name, if it was opened by a former one.
 * @param name `barn.local`; null: none is announced
 */
export function addressByName(href: string, name: string | null): string | undefined {
  const address = new URL(href);
  if (name === null || !address.hostname.endsWith('.local') || address.hostname === name) {
    return undefined;
  }
  address.hostname = name;
  return address.href;
}
