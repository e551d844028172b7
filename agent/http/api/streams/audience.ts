import { PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/ip-address.ts';
import type { PeerLookups, SessionLookup } from './session-routes.ts';

/** Somebody who sends or reads, as a path names him. */
interface Named {
  readonly type: string;
  readonly id: string;
}

export interface Subscriber {
  readonly protocol: string;
  /** Empty: not known, or gone already. */
  readonly clientIP: string;
}

export interface PublisherItem {
  readonly path: string;
  readonly clientId: string;
  readonly protocol: string;
}

/** By MediaMTX's names of them: what people call the protocol, and where their sessions are listed. */
const KINDS: Readonly<Record<string, { readonly protocol: string; readonly of: keyof PeerLookups }>> = {
  rtspSession: { protocol: 'rtsp', of: 'rtspSessions' },
  rtspsSession: { protocol: 'rtsps', of: 'rtspsSessions' },
  webRTCSession: { protocol: 'webrtc', of: 'webrtcSessions' },
  hlsSession: { protocol: 'hls', of: 'hlsSessions' },
};

/** Who reads a path: protocol and address of each. */
export function subscribersOf(readers: readonly Named[], peers: PeerLookups): Subscriber[] {
  const addresses = new Map<string, string>();
  for (const type of new Set(readers.map((reader) => reader.type))) {
    for (const { id, remoteAddr = '' } of sessionsOf(type, peers)?.list() ?? []) {
      addresses.set(id, endpointOf(remoteAddr).ip);
    }
  }
  return readers.map(({ type, id }) => ({
    protocol: KINDS[type]?.protocol ?? type,
    clientIP: addresses.get(id) ?? '',
  }));
}

/** Those who send, by the names of their paths. What Perch pulls itself is nobody's. */
export function publishersOf(
  paths: readonly { readonly name: string; readonly source: Named | null }[],
): PublisherItem[] {
  const found = paths.flatMap(({ name, source }) => {
    const kind = source && source.id !== '' ? KINDS[source.type] : undefined;
    return source && kind ? [{ path: name, clientId: source.id, protocol: kind.protocol }] : [];
  });
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @throws PerchError notFound when nobody of this id sends */
export function kickPublisher(
  paths: readonly { readonly source: Named | null }[],
  id: string,
  peers: PeerLookups,
): void {
  const source = paths.find((path) => path.source?.id === id)?.source;
  if (!source || !sessionsOf(source.type, peers)?.kick(id)) {
    throw new PerchError('notFound', 'publisher not found', { id });
  }
}

function sessionsOf(type: string, peers: PeerLookups): SessionLookup | undefined {
  const kind = KINDS[type];
  const lookup = kind && peers[kind.of]();
  return lookup && 'kick' in lookup ? lookup : undefined;
}
