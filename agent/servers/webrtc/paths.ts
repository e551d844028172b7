import { PerchError } from '../../base/errors.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { WebRtcServer } from './server/server.ts';
import type { WebRtcPaths } from './session/contracts.ts';

const isClosed = (config: Config, path: string): boolean => resolvePath(config, path)?.settings?.webrtc === false;

/** Applies `webrtc: no`: such a path can be neither read, published to nor talked to. */
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

/** Ends the sessions on paths that are no longer served over WebRTC. */
export function closeDisabledPaths(server: WebRtcServer | undefined, config: Config): void {
  for (const { id, path } of server?.list() ?? []) {
    if (isClosed(config, path)) {
      server?.kick(id);
    }
  }
}
