import { listProfiles } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, findText, plainLine } from '../soap/xml/xml.ts';
import type { Notification } from './notifications.ts';

/** Items that name a video source or its configuration, in Media and in Analytics. */
const SOURCE_NAMES = ['Source', 'VideoSource', 'VideoSourceToken', 'VideoSourceConfigurationToken'];

/** Maps notifications to paths; a plain camera has one channel. */
export interface Channels {
  /** The channel, named by its first path; empty if unknown. */
  of(notification: Notification): string;
  /** Paths of a channel, in the order of the users. */
  paths(channel: string): readonly string[];
}

/** A path that receives events of the profile that it plays. */
export interface ChannelUser {
  readonly path: string;
  /** Token of a media profile; default: the camera's first. */
  readonly profile: string | undefined;
}

/** Reads the video source of each profile. @param users the first receives notifications without a source */
export async function readChannels(session: OnvifSession, users: readonly ChannelUser[]): Promise<Channels> {
  const first = users[0]?.path ?? '';
  const profiles = (await unlessFault(listProfiles(session))) ?? [];
  const lenses = new Set(profiles.map(({ videoSource }) => videoSource));
  if (lenses.size < 2) {
    // A channel of an earlier session stays on its own, so that its detections end.
    return { of: () => first, paths: (channel) => (channel === first ? users.map(({ path }) => path) : [channel]) };
  }
  const byLens = new Map<string, string[]>();
  for (const { path, profile } of users) {
    const lens = (profiles.find(({ token }) => token === profile) ?? profiles[0])?.videoSource;
    if (lens !== undefined) {
      byLens.set(lens, [...(byLens.get(lens) ?? []), path]);
    }
  }
  const lensOf = await readLenses(session, lenses);
  return {
    of: ({ source }) => {
      const named = source.filter(({ name }) => SOURCE_NAMES.includes(name)).map(({ value }) => lensOf.get(value));
      const known = named.find((lens) => lens !== undefined);
      // Contacts and the device itself have no source; a source without a path is dropped.
      return known === undefined ? first : (byLens.get(known)?.[0] ?? '');
    },
    paths: (channel) => [...byLens.values()].find(([path]) => path === channel) ?? [channel],
  };
}

/** Video sources by their own tokens and by those of their configurations. */
async function readLenses(
  session: OnvifSession,
  lenses: ReadonlySet<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const service = session.has('media2') ? 'media2' : 'media';
  const body = `<${service === 'media2' ? 'tr2' : 'trt'}:GetVideoSourceConfigurations/>`;
  const response = await unlessFault(session.call(service, body, 'GetVideoSourceConfigurationsResponse'));
  for (const element of elements(response, 'Configurations').slice(0, 256)) {
    const token = attributeOf(element, 'token');
    const lens = plainLine(findText(element, 'SourceToken'));
    if (token !== undefined && lens !== undefined) {
      found.set(token, lens);
    }
  }
  // Last: a source's own token wins over a configuration of the same name.
  for (const lens of lenses) {
    if (lens !== undefined) {
      found.set(lens, lens);
    }
  }
  return found;
}
