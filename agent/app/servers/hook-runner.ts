import { createHash } from 'node:crypto';
import type { Environment } from '../../config/load/environment.ts';
import type { Config } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { parseAddress } from '../../config/values/address.ts';
import type { Host, OwnCommand } from '../../features/contract.ts';
import { ConnectionCommands, PathCommands, type PathFacts } from '../../hooks/commands.ts';
import type { HookTally } from '../../hooks/hook-tally.ts';
import { endLeftovers } from '../../hooks/leftovers.ts';
import { isOwnConnection, type LocalConnection } from '../../hooks/own-connection.ts';
import { faultOf, Programs } from '../../hooks/programs.ts';

interface HookRunnerOptions extends Pick<Host, 'clock' | 'log'> {
  /** Absolute; unique to this instance. */
  readonly dataDir: string;
  readonly env: Environment;
}

/** The commands of the configuration: of paths and of connections. */
export class HookRunner {
  readonly connections: ConnectionCommands;
  readonly #config: () => Config;
  readonly #mark: string;
  readonly #options: HookRunnerOptions;
  readonly #programs: Programs;

  constructor(config: () => Config, options: HookRunnerOptions) {
    this.#config = config;
    this.#options = options;
    this.#mark = createHash('sha256').update(options.dataDir).digest('hex').slice(0, 32);
    this.#programs = new Programs({ ...options, mark: this.#mark });
    this.connections = new ConnectionCommands(() => ({ ...this.#config(), rtspPort: this.#rtspPort }), this.#programs);
  }

  /** Called first: commands left behind by a killed Perch may hold a camera, or publish. */
  begin(): Promise<void> {
    return endLeftovers(this.#mark, this.#options.clock, this.#options.log);
  }

  ofPath(settings: PathSettings, path: Omit<PathFacts, 'rtspPort'>): PathCommands {
    return new PathCommands(settings, { ...path, rtspPort: () => this.#rtspPort }, this.#programs);
  }

  /** Runs a command of a feature, with MediaMTX's variables of its path. @returns what went wrong, when it has ended */
  async runOnce({ path, variables, ...command }: OwnCommand): Promise<string | undefined> {
    const ofPath = path === undefined ? {} : { path };
    const ofServer = { MTX_PATH: path ?? '', RTSP_PATH: path ?? '', RTSP_PORT: String(this.#rtspPort) };
    const end = await this.#programs.once({
      ...command,
      ...ofPath,
      variables: { ...ofServer, ...variables },
      isCaused: true,
    });
    return faultOf(end);
  }

  /** Whether the connection belongs to a command that names this path. */
  isFor(path: string, connection: LocalConnection): boolean {
    const groups = this.#programs.groupsNaming(path);
    return groups.length > 0 && isOwnConnection(groups, connection);
  }

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
