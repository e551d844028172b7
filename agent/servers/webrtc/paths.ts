import { PerchError } from '../../base/errors.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { WebRtcServer } from './server/server.ts';
import type { WebRtcPaths } from './session/contracts.ts';

const isClosed = (config: Config, path: string): boolean => resolvePath(config, path)?.settings?.webrtc === false;

/** The paths as WebRTC has them: one with `webrtc: no` is neither watched, published to nor talked to over it. */
export function webrtcPaths(table: WebRtcPaths, config: () => Config): WebRtcPaths {
  const check = (path: string): void => {
    if (isClosed(config(), path)) {
      throw new PerchError('badInput', `path '${path}' is not served over WebRTC (webrtc: no)`, { path });
    }
  };
  return {
    open: async (path, query) => {
      check(path);
      return table.open(path, query);
    },
    hasBFrames: (path) => table.hasBFrames(path),
    mayPublish: (path, when) => {
      check(path);
      table.mayPublish(path, when);
    },
    publish: (path, publisher) => {
      check(path);
      return table.publish(path, publisher);
    },
    mayTalk: async (path) => {
      check(path);
      await table.mayTalk(path);
    },
    talk: async (path, onEnded) => {
      check(path);
      return table.talk(path, onEnded);
    },
  };
}

/** Ends the sessions on paths that are not served over WebRTC any more. */
export function endClosed(server: WebRtcServer | undefined, config: Config): void {
  for (const { id, path } of server?.list() ?? []) {
    if (isClosed(config, path)) {
      server?.kick(id);
    }
  }
}
