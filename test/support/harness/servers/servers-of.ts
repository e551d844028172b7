import { Servers } from '../../../../agent/app/servers/servers.ts';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { PreLoginMemory } from '../../../../agent/base/network/pre-login-memory.ts';
import { Reconciler } from '../../../../agent/base/reconciler.ts';
import type { Config } from '../../../../agent/config/load/load.ts';
import type { RunningServer, ServerDeps, ServerProtocol } from '../../../../agent/protocols/contract.ts';
import { configOf } from './path-table-of.ts';

/** One protocol's server as the app runs it. */
export function serversOf<Options, Running extends RunningServer>(
  protocol: ServerProtocol<Options, Running>,
  deps: Partial<ServerDeps> = {},
) {
  const { clock = systemClock, log = silentLogger } = deps;
  let config = configOf('  all_others:');
  const servers = new Servers([protocol as ServerProtocol], {
    cwd: '/etc/perch',
    dataDir: '/var/lib/perch',
    own: { file: () => Promise.reject(new Error('nothing asks for it')) },
    paths: {} as ServerDeps['paths'],
    access: { authorize: async () => 'refused', offersDigest: () => true, beginGuess: () => async () => {} },
    connections: { opened: () => () => {} },
    preLogin: new PreLoginMemory(clock, log),
    audio: {
      of: (stream) => stream,
      open: async (stream) => stream,
      opus: { whyNot: () => 'no transcoder', of: (stream) => stream },
    },
    config: () => config,
    ...deps,
    clock,
    log,
  });
  // The first one writes packet files.
  const [, ...components] = servers.components([]);
  const reconciler = new Reconciler<Config>(components, log);
  return {
    running: () => servers.running(protocol),
    settings: (of: Config) => components.map((component) => component.settings(of)),
    apply: async (next: Config) => {
      config = next;
      await reconciler.apply(next);
    },
    retry: () => reconciler.retry(),
    isRunning: (name: string) => reconciler.isRunning(name),
    close: () => reconciler.close(),
    tables: servers,
  };
}
