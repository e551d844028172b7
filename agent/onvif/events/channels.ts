import type { XmlElement } from '@rgrove/parse-xml';
import { listProfiles, unlessBroken } from '../device/media.ts';
import type { OnvifSession } from '../device/session.ts';
import { attributeOf, elements, findText, plainLine } from '../soap/xml/xml.ts';
import type { Notification } from './notifications.ts';

const MAX_TOKENS = 256;
/** Of a lens, or of its configuration, in the words of Media and of Analytics. */
const SOURCE_NAMES = ['Source', 'VideoSource', 'VideoSourceToken', 'VideoSourceConfigurationToken'];

/** Which paths a notification belongs to; a plain camera has one lens and one channel. */
export interface Channels {
  /** Named by its first path. Empty: of none that is known. */
  of(notification: Notification): string;
  /** Of a channel, in the order of the users. */
  paths(channel: string): readonly string[];
}

/** Who wants to hear of a lens: a path by the profile that it plays. */
export interface ChannelUser {
  readonly path: string;
  /** Token of a media profile; the camera's first when not given. */
  readonly profile: string | undefined;
}

/** Reads which lens each profile shows, where a camera has several. @param users the first hears of what has no lens */
export async function readChannels(session: OnvifSession, users: readonly ChannelUser[]): Promise<Channels> {
  const first = users[0]?.path ?? '';
  const profiles = (await unlessBroken(() => listProfiles(session))) ?? [];
  const lenses = new Set(profiles.map(({ videoSource }) => videoSource));
  if (lenses.size < 2) {
    // Another channel is of a session before this one: its ends are its own.
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
      // Contacts and the device itself belong to no lens; a lens that nobody plays is nobody's.
      return known === undefined ? first : (byLens.get(known)?.[0] ?? '');
    },
    paths: (channel) => [...byLens.values()].find(([path]) => path === channel) ?? [channel],
  };
}

/** Lenses by their own tokens and by those of their configurations. */
async function readLenses(
  session: OnvifSession,
  lenses: ReadonlySet<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const service = session.has('media2') ? 'media2' : 'media';
  const body = `<${service === 'media2' ? 'tr2' : 'trt'}:GetVideoSourceConfigurations/>`;
  const response = await unlessBroken<XmlElement>(() =>
    session.call(service, body, 'GetVideoSourceConfigurationsResponse'),
  );
  for (const element of elements(response, 'Configurations').slice(0, MAX_TOKENS)) {
    const token = attributeOf(element, 'token');
    const lens = plainLine(findText(element, 'SourceToken'));
    if (token !== undefined && lens !== undefined) {
      found.set(token, lens);
    }
  }
  // After the others: a lens's own token counts, where a configuration of another is called the same.
  for (const lens of lenses) {
    if (lens !== undefined) {
      found.set(lens, lens);
    }
  }
  return found;
}
