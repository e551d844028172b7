import type { Part } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type {
  RunningServer,
  ServerDeps,
  ServerProtocol,
  SessionKind,
  SessionTable,
  SessionTables,
} from '../../protocols/contract.ts';
import type { Stream } from '../../stream/stream.ts';

/** The servers of all protocols, as components and as one list of sessions. */
export class Servers implements SessionTables {
  readonly kinds: readonly SessionKind[];
  readonly documented: readonly SessionKind[];
  readonly #protocols: readonly ServerProtocol[];
  readonly #deps: ServerDeps;
  readonly #running = new Map<ServerProtocol, RunningServer>();

  constructor(protocols: readonly ServerProtocol[], deps: ServerDeps) {
    this.#protocols = protocols;
    this.#deps = deps;
    this.kinds = protocols.flatMap(({ kinds }) => kinds);
    this.documented = protocols.toReversed().flatMap(({ kinds }) => kinds);
  }

  /** @param hasRoutes those that answer on the HTTP listeners, or the others */
  components(hasRoutes: boolean): Part<Config>[] {
    const wanted = this.#protocols.filter((protocol) => (protocol.hasRoutes ?? false) === hasRoutes);
    return wanted.flatMap((protocol) => this.#componentsOf(protocol));
  }

  /** Undefined while it does not run. */
  running<Options, Running extends RunningServer>(protocol: ServerProtocol<Options, Running>): Running | undefined {
    return this.#running.get(protocol as ServerProtocol) as Running | undefined;
  }

  table(kind: SessionKind): SessionTable | undefined {
    const protocol = this.#protocols.find(({ kinds }) => kinds.includes(kind));
    return protocol && this.#running.get(protocol)?.table(kind);
  }

  streamOpened(path: string, stream: Stream): void {
    for (const server of this.#running.values()) {
      server.streamOpened?.(path, stream);
    }
  }

  pathsChanged(config: Config): void {
    for (const server of this.#running.values()) {
      server.pathsChanged?.(config);
    }
  }

  drain(): void {
    for (const server of this.#running.values()) {
      server.drain?.();
    }
  }

  #componentsOf(protocol: ServerProtocol): Part<Config>[] {
    const server: Part<Config> = {
      name: protocol.label,
      settings: (config) => protocol.options(config),
      start: async (config) => {
        const running = await protocol.start(protocol.options(config), this.#deps);
        this.#running.set(protocol, running);
        return async (cause) => {
          this.#running.delete(protocol);
          await running.stop(cause);
        };
      },
      reload: (config) => this.#running.get(protocol)?.reload?.(protocol.options(config)) ?? false,
    };
    const { extraPorts } = protocol;
    if (!extraPorts) {
      return [server];
    }
    const ports: Part<Config> = {
      name: extraPorts.label,
      needs: server.name,
      // They open and close with their server.
      settings: (config) => {
        const options = protocol.options(config);
        return options !== undefined && extraPorts.isWanted(options) ? options : undefined;
      },
      start: async () => {
        await this.#running.get(protocol)?.openExtraPorts?.();
        // The server closes them, after the sessions that use them.
        return () => {};
      },
    };
    return [server, ports];
  }
}
