import type { GlobalSettings } from '../config/schema/global.ts';
import type { ConnectionHooks } from '../protocols/contract.ts';
import type { PeerKind } from '../stream/stream.ts';
import type { Programs } from './programs.ts';

type ConnectionSettings = Pick<GlobalSettings, 'runOnConnect' | 'runOnConnectRestart' | 'runOnDisconnect'>;

/** The commands that run as clients connect and disconnect. */
export class ConnectionCommands implements ConnectionHooks {
  readonly #settings: () => ConnectionSettings & { readonly rtspPort: number };
  readonly #programs: Programs;

  constructor(settings: () => ConnectionSettings & { readonly rtspPort: number }, programs: Programs) {
    this.#settings = settings;
    this.#programs = programs;
  }

  /** @returns call when the client has disconnected */
  opened(kind: PeerKind, id: string): () => void {
    const { runOnConnect, runOnConnectRestart, runOnDisconnect, rtspPort } = this.#settings();
    const variables = { RTSP_PORT: String(rtspPort), MTX_CONN_TYPE: kind.apiType, MTX_CONN_ID: id };
    const isCaused = true;
    const running =
      runOnConnect === ''
        ? undefined
        : this.#programs.keep({ hook: 'runOnConnect', text: runOnConnect, variables, isCaused }, runOnConnectRestart);
    return () => {
      void running?.stop();
      if (runOnDisconnect !== '') {
        void this.#programs.once({ hook: 'runOnDisconnect', text: runOnDisconnect, variables, isCaused });
      }
    };
  }
}
