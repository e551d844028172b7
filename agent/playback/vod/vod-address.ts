import { parseResourceUri, type ResourceAddress } from './recorded-period.ts';
import { PLAYLISTS } from './recorded-streams.ts';

/** What lies below the path of a camera, in streams made of its recordings. */
export type VodAddress = { readonly path: string } & (
  | { readonly kind: keyof typeof PLAYLISTS | 'frame' | 'still' }
  | { readonly kind: 'resource'; readonly resource: ResourceAddress }
);

export const FRAME = 'frame.mp4';
export const STILL = 'still.jpg';
const KINDS = new Map<string, keyof typeof PLAYLISTS | 'frame' | 'still'>([
  [PLAYLISTS.vod, 'vod'],
  [PLAYLISTS.vodMedia, 'vodMedia'],
  [PLAYLISTS.rewind, 'rewind'],
  [PLAYLISTS.rewindMedia, 'rewindMedia'],
  [FRAME, 'frame'],
  [STILL, 'still'],
]);

/**
 * @param address behind the service's prefix and its slash, decoded. Whether the path is one is not looked at.
 * @returns undefined when nothing of ours has such an address
 */
export function parseVodAddress(address: string): VodAddress | undefined {
  const slash = address.lastIndexOf('/');
  if (slash <= 0) {
    return undefined;
  }
  const kind = KINDS.get(address.slice(slash + 1));
  if (kind) {
    return { kind, path: address.slice(0, slash) };
  }
  const folder = address.lastIndexOf('/', slash - 1);
  const resource = folder > 0 ? parseResourceUri(address.slice(folder + 1)) : undefined;
  return resource && { kind: 'resource', path: address.slice(0, folder), resource };
}
