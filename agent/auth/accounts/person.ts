/** The owner, a user or a guest, with their rights. */
export interface Person {
  /** A user's name; for guests `guest:` and the link's id, which no user can be called. */
  readonly name: string;
  readonly role: 'owner' | 'viewer' | 'guest';
  /**
   * The owner may do everything; viewers and guests may `read`, `playback`, `talk`, `turn` and `switch` their cameras
   * as far as permitted.
   * @param action one of `Action`; unknown ones are rejected
   */
  may(action: string, path: string): boolean;
}

/** Rights of a viewer or a guest. */
export interface Rights {
  /** Path names; `all` includes future ones. A camera's sub stream (`door_sub`) is included. */
  readonly cameras: 'all' | readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
  /** Whether they may talk through the loudspeaker of a camera that they may watch live. Default: no. */
  readonly talk?: boolean;
  /** Whether they may use pan, tilt, zoom and presets of a camera that they may watch live. Default: no. */
  readonly turn?: boolean;
  /** Whether they may switch lights, sirens and relays of a camera that they may watch live. Default: no. */
  readonly switch?: boolean;
}

const SUB_SUFFIX = '_sub';

export const ownerPerson = (name: string): Person => ({ name, role: 'owner', may: () => true });

export function limitedPerson(name: string, role: 'viewer' | 'guest', rights: Rights): Person {
  return { name, role, may: (action, path) => mayWatch(rights, action, path) };
}

/** Rights that are given one by one. */
const GIVEN: ReadonlySet<string> = new Set(['talk', 'turn', 'switch'] satisfies (keyof Rights)[]);

/** Whether these rights permit an action; unknown actions are rejected. */
export function mayWatch(rights: Rights, action: string, path: string): boolean {
  const { cameras, live, recordings } = rights;
  const isLive = action === 'read' || (GIVEN.has(action) && rights[action as keyof Rights] === true);
  const isWanted = (isLive && live) || (action === 'playback' && recordings);
  return isWanted && path !== '' && coversPath(cameras, path);
}

/** Whether the path is one of these cameras, or the sub stream of one. */
export function coversPath(cameras: Rights['cameras'], path: string): boolean {
  if (cameras === 'all') {
    return true;
  }
  return cameras.includes(path) || cameras.includes(mainPathOf(path));
}

/** The camera's path for the path of its sub stream; any other path is returned as it is. */
export const mainPathOf = (path: string): string =>
  path.endsWith(SUB_SUFFIX) ? path.slice(0, -SUB_SUFFIX.length) : path;
