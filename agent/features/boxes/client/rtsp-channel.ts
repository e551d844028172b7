import { createHash, randomBytes } from 'node:crypto';
import { PerchError } from '../../../base/errors.ts';
import { type ByteChannel, SocketChannel } from '../../../base/network/socket-channel.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { acceptOf } from '../../../media/websocket/frames.ts';
import { webSocketFields } from './box-client.ts';
import type { Boxes } from './boxes.ts';

const RTSP_PATH = '/v3/pairedservers/rtsp';
const sha1 = (text: string): string => createHash('sha1').update(text).digest('base64');

/** Opens a channel for RTSP within a WebSocket of the box. @throws PerchError unavailable, at once while the box is unreachable */
export async function openRtsp(boxes: Boxes, box: string, signal: AbortSignal): Promise<ByteChannel> {
  const key = randomBytes(16).toString('base64');
  const { socket, head, headers } = await boxes.upgrade(box, RTSP_PATH, webSocketFields(key), signal);
  // An RTSP server sends nothing before a request.
  if (headers['sec-websocket-accept'] !== acceptOf(key, sha1) || head.length > 0) {
    socket.destroy();
    throw new PerchError('badInput', 'the box sends a wrong answer to a WebSocket');
  }
  return new WebSocketChannel(new SocketChannel(socket), () => randomBytes(4));
}
