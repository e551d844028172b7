import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type ByteChannel, SocketChannel } from '../../base/network/socket-channel.ts';
import type { SourceKeys } from '../../config/schema/common/key-rules.ts';
import { encodePath, type RemotePath, remotePathOf } from '../../config/values/remote-path.ts';
import type { Track } from '../../media/sample/track.ts';
import { WebSocketChannel } from '../../media/websocket/channel.ts';
import { acceptOf } from '../../media/websocket/frames.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { RtspSource } from '../../sources/rtsp/client.ts';
import { type RtspSourceOptions, settingsOf } from '../../sources/rtsp/request/settings.ts';
import type { StreamSink } from '../../stream/contracts.ts';
import type { Stream } from '../../stream/stream.ts';
import { webSocketFields } from './client/box-client.ts';
import type { Boxes } from './client/boxes.ts';
import type { UnsharedCameras } from './unshared-cameras.ts';

const RTSP_PATH = '/v3/pairedservers/rtsp';
const sha1 = (text: string): string => createHash('sha1').update(text).digest('base64');

/** A camera of another Perch that is paired. */
export const PERCH_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['perch'],
  example: 'perch://1a2b3c4d5e6f7a8b/garden',
  schema: {},
  faults: ({ source }) =>
    /^perch:/i.test(source.trim()) && !remotePathOf(source)
      ? [{ key: 'source', message: 'it is not perch://BOX/PATH, with the id of a paired box: see /v3/boxes/list' }]
      : [],
  inert: [],
  renamed: {},
};

/** A camera of a paired box: RTSP through the https port of that box. */
export const perchSource = (boxes: Boxes, unshared: UnsharedCameras): SourceProtocol => ({
  apiType: 'perchSource',
  keys: PERCH_SOURCE,
  create({ name, settings, config, clock, log }) {
    const remote = remotePathOf(settings.source);
    if (!remote) {
      throw new PerchError('badInput', `the source of path '${name}' is not perch://BOX/PATH of a paired box`);
    }
    const box = {
      open: (signal: AbortSignal) => openRtsp(boxes, remote.box, signal),
      isConnected: () => boxes.item(remote.box)?.state === 'connected',
      mayTalk: () => boxes.item(remote.box)?.talk === true,
    };
    // The tunnel stands for the connection that `box` opens; the box ignores the host.
    const url = `rtsps+ws://${remote.box}:443/${encodePath(remote.path)}`;
    const options = { ...settingsOf(settings, config), rtspTransport: 'tcp', name, url, box } as const;
    return new PerchSource(options, { remote, unshared }, clock, log);
  },
});

interface OfBox {
  readonly remote: RemotePath;
  readonly unshared: UnsharedCameras;
}

/** The box takes no password from a server: its refusal is explained by the pairing. */
class PerchSource extends RtspSource {
  readonly #name: string;
  readonly #ofBox: OfBox;

  constructor(options: RtspSourceOptions, ofBox: OfBox, clock: Clock, log: Logger) {
    super(options, clock, log);
    this.#name = options.name;
    this.#ofBox = ofBox;
  }

  override async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { remote, unshared } = this.#ofBox;
    const publish = (tracks: readonly Track[]): Stream => {
      unshared.played(this.#name);
      return sink.publish(tracks);
    };
    await super.run({ ...sink, publish }, signal).catch((error: unknown) => {
      throw unshared.refused(this.#name, remote, error);
    });
  }
}

/** Opens a channel for RTSP within a WebSocket of the box. @throws PerchError unavailable, at once while the box is unreachable */
async function openRtsp(boxes: Boxes, box: string, signal: AbortSignal): Promise<ByteChannel> {
  const key = randomBytes(16).toString('base64');
  const { socket, head, headers } = await boxes.upgrade(box, RTSP_PATH, webSocketFields(key), signal);
  // An RTSP server sends nothing before a request.
  if (headers['sec-websocket-accept'] !== acceptOf(key, sha1) || head.length > 0) {
    socket.destroy();
    throw new PerchError('badInput', 'the box sends a wrong answer to a WebSocket');
  }
  return new WebSocketChannel(new SocketChannel(socket), () => randomBytes(4));
}
