import { PerchError } from '../../../../agent/base/errors.ts';
import type { WebRtcPaths } from '../../../../agent/servers/webrtc/session/contracts.ts';
import type { Stream } from '../../../../agent/stream/stream.ts';

const refuse = (path: string): never => {
  throw new PerchError('badInput', `path '${path}' is not configured`);
};

/** Paths of a test: any other is rejected as not configured. */
export function webrtcPaths(
  open: (path: string, query: string) => Promise<Stream>,
  more: Partial<WebRtcPaths> = {},
): WebRtcPaths {
  const reject = async (path: string): Promise<never> => refuse(path);
  const hasBFrames = () => undefined;
  return { open, hasBFrames, mayPublish: refuse, publish: refuse, mayTalk: reject, talk: reject, ...more };
}
