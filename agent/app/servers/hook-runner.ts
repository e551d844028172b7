import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Environment } from '../../config/load/environment.ts';
import type { Config } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { parseAddress } from '../../config/values/address.ts';
import { ConnectionCommands } from '../../hooks/connection-commands.ts';
import type { HookTally } from '../../hooks/hook-tally.ts';
import { endLeftovers } from '../../hooks/leftovers.ts';
import { isOwnConnection, type LocalConnection } from '../../hooks/own-connection.ts';
import { PathCommands, type PathFacts } from '../../hooks/path-commands.ts';
import { Programs } from '../../hooks/programs.ts';

export interface BoxCommandsOptions {
  /** Absolute, and this Perch's alone. */
  readonly dataDir: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Everything that the configuration has run: commands of paths and of RTSP clients. */
export class BoxCommands {
  readonly connections: ConnectionCommands;
  readonly #config: () => Config;
  readonly #mark: string;
  readonly #options: BoxCommandsOptions;
  readonly #programs: Programs;

  constructor(config: () => Config, options: BoxCommandsOptions) {
    this.#config = config;
    this.#options = options;
    this.#mark = createHash('sha256').update(options.dataDir).digest('hex').slice(0, 32);
    this.#programs = new Programs({ ...options, mark: this.#mark });
    this.connections = new ConnectionCommands(() => ({ ...this.#config(), rtspPort: this.#rtspPort }), this.#programs);
  }

  /** Before anything is started: what a Perch that was killed has left behind may hold a camera, or publish. */
  begin(): Promise<void> {
    return endLeftovers(this.#mark, this.#options.clock, this.#options.log);
  }

  ofPath(settings: PathSettings, path: Omit<PathFacts, 'rtspPort'>): PathCommands {
    return new PathCommands(settings, { ...path, rtspPort: () => this.#rtspPort }, this.#programs);
  }

  /** Whether the connection is that of a program whose command, in the configuration, names this path. */
  isFor(path: string, connection: LocalConnection): boolean {
    const groups = this.#programs.groupsNaming(path);
    return groups.length > 0 && isOwnConnection(groups, connection);
  }

  /** What has become of the commands so far. */
  tallies(): readonly Readonly<HookTally>[] {
    return this.#programs.tallies.list();
  }

  close(): Promise<void> {
    return this.#programs.close();
  }

  get #rtspPort(): number {
    return parseAddress(this.#config().rtspAddress)?.port ?? 0;
  }
}
