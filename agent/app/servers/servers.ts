import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { setPacketDump } from '../../base/packet-dump/dump-connections.ts';
import { PacketDump } from '../../base/packet-dump/packet-dump.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { Host } from '../../features/contract.ts';
import type {
  RouteDeps,
  RunningServer,
  ServerDeps,
  ServerProtocol,
  ServerRoutes,
  SessionKind,
  SessionTable,
  SessionTables,
} from '../../protocols/contract.ts';
import type { Stream } from '../../stream/stream.ts';

/** HTTP routes of a server, started or not. */
export interface MountableRoutes extends Omit<ServerRoutes, 'mount'> {
  readonly protocol: string;
  mount(app: FastifyInstance, prefix: string, deps: Omit<RouteDeps, 'running'>): Promise<void>;
}

/** The servers of all protocols, as components and as one list of sessions. */
export class Servers implements SessionTables {
  readonly kinds: readonly SessionKind[];
  readonly documented: readonly SessionKind[];
  readonly #protocols: readonly ServerProtocol[];
  readonly #deps: ServerDeps & PacketFilesDeps;
  readonly #running = new Map<ServerProtocol, RunningServer>();

  constructor(protocols: readonly ServerProtocol[], deps: ServerDeps & PacketFilesDeps) {
    this.#protocols = protocols;
    this.#deps = deps;
    this.kinds = protocols.flatMap(({ kinds }) => kinds);
    this.documented = protocols.toReversed().flatMap(({ kinds }) => kinds);
  }

  /** Servers that answer on the HTTP listeners start before the page, the others after it. */
  components(page: readonly Component<Config>[]): Component<Config>[] {
    const having = (hasRoutes: boolean) =>
      this.#protocols
        .filter((protocol) => (protocol.routes !== undefined) === hasRoutes)
        .flatMap((protocol) => this.#componentsOf(protocol));
    return [packetFiles(this.#deps), ...having(true), ...page, ...having(false)];
  }

  /** The servers that programs publish to, with their addresses. */
  publishing(config: Config) {
    return this.#protocols.flatMap(({ name, label, publishing }) =>
      publishing
        ? [{ name, label, key: publishing.key, isOn: config[publishing.key], urls: [...publishing.urls(config)] }]
        : [],
    );
  }

  /** Names of the protocols. */
  get protocols(): readonly string[] {
    return this.#protocols.map(({ name }) => name);
  }

  get routes(): readonly MountableRoutes[] {
    return this.#protocols.flatMap((protocol) => {
      const { name, routes } = protocol;
      const running = () => this.running(protocol);
      return routes
        ? [{ ...routes, protocol: name, mount: (app, prefix, deps) => routes.mount(app, prefix, { ...deps, running }) }]
        : [];
    });
  }

  /** The running server of a protocol; undefined while it does not run. */
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

  prepare(): void {
    for (const server of this.#running.values()) {
      server.prepare?.();
    }
  }

  drain(): void {
    for (const server of this.#running.values()) {
      server.drain?.();
    }
  }

  #componentsOf(protocol: ServerProtocol): Component<Config>[] {
    const server: Component<Config> = {
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
    const ports: Component<Config> = {
      name: extraPorts.label,
      needs: server.name,
      // The extra ports open and close with their server.
      settings: (config) => {
        const options = protocol.options(config);
        return options !== undefined && extraPorts.isWanted(options) ? options : undefined;
      },
      start: async () => {
        await this.#running.get(protocol)?.openExtraPorts?.();
        // The server closes its extra ports after the sessions that use them.
        return () => {};
      },
    };
    return [server, ports];
  }
}

interface PacketFilesDeps extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  readonly cwd: string;
}

/** `dumpPackets`. It starts before servers and paths, whose UDP sockets open after it. */
const packetFiles = ({ cwd, dataDir, clock, log }: PacketFilesDeps): Component<Config> => ({
  name: 'packet files (dumpPackets)',
  settings: ({ dumpPackets }) => dumpPackets || undefined,
  start: async () => {
    const dump = new PacketDump({ cwd, otherFolder: join(dataDir, 'packets'), clock, log });
    setPacketDump(dump);
    return () => {
      setPacketDump(undefined);
      return dump.close();
    };
  },
});
