import { profileAt } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { isOperationFault } from '../soap/http/failures.ts';

/** One way to do a thing, by its name. */
export type Way<T> = readonly [name: string, call: () => Promise<T>];

/** Ways to give a camera a command; what it refuses is followed at once by the next way. The way that worked last is first next time. */
export class Ways {
  readonly #worked = new Map<string, string>();

  /** @param command name under which the working way is kept @throws PerchError the first refusal, if the camera refuses all */
  async use<T>(command: string, ways: readonly Way<T>[]): Promise<T> {
    const known = this.#worked.get(command);
    const inOrder = ways.toSorted(([one], [other]) => Number(other === known) - Number(one === known));
    const refusals: unknown[] = [];
    for (const [name, call] of inOrder) {
      try {
        const result = await call();
        if (refusals.length > 0) {
          this.#worked.set(command, name);
        }
        return result;
      } catch (error) {
        if (!isOperationFault(error)) {
          throw error;
        }
        refusals.push(error);
      }
    }
    throw refusals[0];
  }
}

/** A command by the Media service that lists the profile, then by the other one. */
export function byMedia<T>(
  session: OnvifSession,
  profile: CameraProfile,
  call: (profile: CameraProfile) => Promise<T>,
): readonly Way<T>[] {
  const other = profile.service === 'media' ? 'media2' : 'media';
  const second: Way<T> = [other, async () => call(await profileAt(session, other, profile))];
  return [[profile.service, () => call(profile)], ...(session.has(other) ? [second] : [])];
}
