/** Somebody whom the owner has let in, and the owner himself: what he may do, whatever he has come with. */
export interface Person {
  /** A user's own name; a guest's is `guest:` and the id of his link: no user can be called so. */
  readonly name: string;
  readonly role: 'owner' | 'viewer' | 'guest';
  /**
   * The owner may everything. A viewer or guest may `read` what he sees live and `playback` what he sees of recordings,
   * on his cameras; nothing else.
   *
   * @param action one of `Action`; what is not known is refused
   */
  may(action: string, path: string): boolean;
}

/** What a viewer or a guest is shown. */
export interface Rights {
  /** Names of paths; `all`: those of today and tomorrow. A camera's second stream (`door_sub`) goes with it. */
  readonly cameras: 'all' | readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
}

const SUB_SUFFIX = '_sub';

export const ownerPerson = (name: string): Person => ({ name, role: 'owner', may: () => true });

export function limitedPerson(name: string, role: 'viewer' | 'guest', rights: Rights): Person {
  return { name, role, may: (action, path) => mayWatch(rights, action, path) };
}

function mayWatch({ cameras, live, recordings }: Rights, action: string, path: string): boolean {
  const isWanted = (action === 'read' && live) || (action === 'playback' && recordings);
  return isWanted && path !== '' && coversPath(cameras, path);
}

/** Whether the path is one of these cameras, or the second stream of one. */
export function coversPath(cameras: Rights['cameras'], path: string): boolean {
  if (cameras === 'all') {
    return true;
  }
  const main = path.endsWith(SUB_SUFFIX) ? path.slice(0, -SUB_SUFFIX.length) : path;
  return cameras.includes(path) || cameras.includes(main);
}
