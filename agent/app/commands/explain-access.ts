import { type DeviceLogin, DevicePasswords } from '../../auth/accounts/device-passwords.ts';
import { SecondFactor } from '../../auth/accounts/second-factor.ts';
import { Users } from '../../auth/accounts/users.ts';
import { Authority } from '../../auth/permissions/authorize.ts';
import type { Action } from '../../auth/permissions/identity.ts';
import { rulesOf } from '../../auth/permissions/rules.ts';
import { systemClock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { canonicalIp, isLoopbackIp, isPrivateIp } from '../../base/network/ip-address.ts';
import type { Environment } from '../../config/load/environment.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { ConfigKeys } from '../../config/schema/config-keys.ts';
import { readConfig } from '../../config/store/read-config.ts';
import { checkDocumentsPlace, openDocuments } from '../features/documents.ts';
import { FEATURES } from '../features/table.ts';

interface ExplainOptions {
  /** Arguments of `perch explain`: USER ACTION [PATH] [FILE.yml]. */
  readonly words: readonly string[];
  /** Address of the request. */
  readonly ip: string;
  readonly dataDir: string;
  readonly cwd: string;
  readonly env: Environment;
  readonly keys: ConfigKeys;
}

interface Explained {
  readonly lines: readonly string[];
  readonly allowed: boolean | undefined;
}

interface Asked extends Omit<ReturnType<typeof parseWords>, 'file'> {
  readonly name: string;
  readonly config: Config;
  readonly ip: string;
}

const WITH_PATH: readonly Action[] = ['read', 'publish', 'playback'];
const WITHOUT_PATH: readonly Action[] = ['api', 'metrics', 'pprof', 'admin'];
const ACTIONS = [...WITH_PATH, ...WITHOUT_PATH];
/** Stands for an anonymous USER, or for no PATH. */
const NOTHING = '-';

/**
 * Explains how Perch would decide a request, step by step. Only reads files, so it can run next to a running Perch.
 * @returns the lines, and the decision, or undefined if another server or a token decides
 */
export async function explainAccess(options: ExplainOptions): Promise<Explained> {
  const { user, action, path, file } = parseWords(options.words);
  const ip = canonicalIp(options.ip);
  if (ip === undefined) {
    throw new PerchError('badInput', `--ip '${options.ip.slice(0, 64)}' is not an address`);
  }
  const { name, config } = await readConfig(file, options);
  await checkDocumentsPlace(options.dataDir, file, { name, config });
  const close = await openDocuments({ dataDir: options.dataDir, clock: systemClock, log: silentLogger, config });
  try {
    return await explainWith(options, { name, config, user, action, path, ip });
  } finally {
    await close();
  }
}

async function explainWith(
  options: ExplainOptions,
  { name, config, user, action, path, ip }: Asked,
): Promise<Explained> {
  const users = await Users.open(options.dataDir);
  const faults: string[] = [];
  const devices = await DevicePasswords.read(options.dataDir).catch((error: unknown) => {
    faults.push(explain(error));
    return new Map<string, DeviceLogin>();
  });
  const hasFactor = await SecondFactor.exists(options.dataDir);
  const people = {
    owner: users.owner,
    hasSecondFactor: (one: string) => hasFactor && one === users.owner,
    verify: async () => false,
    person: (one: string) => users.person(one),
    device: (one: string) => devices.get(one),
  };
  const identity = { ip, isLoopback: isLoopbackIp(ip), isPrivate: isPrivateIp(ip), user };
  const authority = new Authority(people, rulesOf(config));
  const { allowed, steps } = await authority.explain(action, path, identity);
  const who = user === '' ? 'an anonymous client' : `${user}, with the right password`;
  const outcome = allowed === undefined ? 'decided elsewhere' : allowed ? 'allowed' : 'denied';
  return {
    allowed,
    lines: [
      `${who}, from ${ip}, wants: ${action}${path && ` ${path}`}`,
      `configuration: ${name}, ${config.isOwn ? "Perch's own setup" : 'as in MediaMTX'}, authMethod ${config.authMethod}`,
      ...(path === '' ? [] : [pathWords(config, path)]),
      ...faults.map((fault) => `fault: ${fault}: no device password works`),
      ...steps.map((step, i) => `${i + 1}. ${step}`),
      `=> ${outcome}`,
      ...hookWords(config, action),
      ...authority.warnings.map((warning) => `note: ${warning}`),
    ],
  };
}

function parseWords(words: readonly string[]) {
  const [user, action, ...rest] = words;
  if (user === undefined || action === undefined) {
    throw new PerchError('badInput', 'usage: perch explain USER ACTION PATH; - as USER is an anonymous client');
  }
  if (!isAction(action)) {
    throw new PerchError('badInput', `'${action.slice(0, 64)}' is not one of ${ACTIONS.join(', ')}`);
  }
  const hasPath = WITH_PATH.includes(action) || rest[0] === NOTHING;
  const [path = NOTHING, file, ...more] = hasPath ? rest : [NOTHING, ...rest];
  if (WITH_PATH.includes(action) && path === NOTHING) {
    throw new PerchError('badInput', `PATH is missing: ${action} is permitted for each path separately`);
  }
  if (more.length > 0) {
    throw new PerchError('badInput', `more than one configuration file: '${more[0]?.slice(0, 64)}'`);
  }
  return { user: user === NOTHING ? '' : user, action, path: path === NOTHING ? '' : path, file };
}

const isAction = (word: string): word is Action => (ACTIONS as readonly string[]).includes(word);

/** Web hooks decide last, and are not called here. */
function hookWords(config: Config, action: Action): string[] {
  if (action !== 'read' && action !== 'publish') {
    return [];
  }
  return FEATURES.flatMap(({ objector }) => objector?.(config, action) ?? []).map(
    (key) => `note: ${key} can also deny it, except for sessions of the page`,
  );
}

function pathWords(config: Config, path: string): string {
  const entry = resolvePath(config, path);
  const text = FEATURES.map(({ pathText }) => pathText?.(config, path)).find((one) => one !== undefined);
  if (text !== undefined) {
    return `path ${path}: ${text}`;
  }
  if (!entry) {
    return `path ${path}: is not configured, so it has no stream for anyone`;
  }
  return `path ${path}: ${entry.error ?? (entry.name === path ? 'is configured' : `follows the entry ${entry.name}`)}`;
}
