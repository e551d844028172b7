import { createHash, timingSafeEqual } from 'node:crypto';
import { explain } from '../base/errors.ts';
import { IpList } from '../base/ip-address.ts';
import type { InternalUser } from '../config/global.ts';

export interface InternalRequest {
  readonly action: string;
  readonly path: string;
  /** Undefined: an address that may not be matched against `ips` (a loopback one that is not to be trusted). */
  readonly ip: string | undefined;
  readonly user: string;
  readonly password: string;
  /** Instead of a password: whether what was sent was made with this one (HTTP Digest). Holds for plain passwords only. */
  readonly proves?: ((password: string) => boolean) | undefined;
}

interface CompiledUser {
  readonly isAny: boolean;
  readonly user: (given: string) => boolean;
  readonly pass: (given: string) => boolean;
  readonly hasPass: boolean;
  /** As configured; undefined where only its hash is known. */
  readonly plainPass: string | undefined;
  readonly ips: IpList;
  readonly permissions: readonly CompiledPermission[];
}

interface CompiledPermission {
  readonly action: string;
  readonly matches: (path: string) => boolean;
}

const ACTIONS_WITH_PATH = new Set(['publish', 'read', 'playback']);

/** `authInternalUsers`: tried in order, the first that lets the request in wins. */
export class InternalUsers {
  /** For log and page: entries that can never match, and why. */
  readonly problems: readonly string[];
  readonly #users: readonly CompiledUser[];

  constructor(users: readonly InternalUser[]) {
    const problems: string[] = [];
    this.#users = users.map((user, index) => compile(user, `authInternalUsers[${index}]`, problems));
    this.problems = problems;
  }

  /** Everybody who reaches the port sees pictures without a password. */
  get isOpen(): boolean {
    return this.#users.some(
      (user) => isAnonymous(user) && user.ips.isEmpty && user.permissions.some(({ action }) => action === 'read'),
    );
  }

  /** How many entries let in without a password. */
  get anonymousCount(): number {
    return this.#users.filter(isAnonymous).length;
  }

  /** @param allowsAnonymous false: entries without a password are passed over */
  allows(request: InternalRequest, allowsAnonymous: boolean): boolean {
    return this.#users.some((user) => (allowsAnonymous || !isAnonymous(user)) && lets(user, request));
  }

  /** Whether the password is somebody's who is in the file, whatever he may do. */
  knows(request: InternalRequest): boolean {
    return this.#users.some((user) => !isAnonymous(user) && isFromThere(user, request) && isWho(user, request));
  }
}

const isAnonymous = (user: CompiledUser): boolean => user.isAny || !user.hasPass;

function lets(user: CompiledUser, request: InternalRequest): boolean {
  const isPermitted = user.permissions.some((rule) => rule.action === request.action && rule.matches(request.path));
  return isPermitted && isFromThere(user, request) && isWho(user, request);
}

const isFromThere = ({ ips }: CompiledUser, { ip }: InternalRequest): boolean =>
  ips.isEmpty || (ip !== undefined && ips.has(ip));

/** Both are compared whatever the first gives, so that the time tells nothing. */
const isWho = (user: CompiledUser, request: InternalRequest): boolean =>
  user.isAny || [user.user(request.user), hasPassword(user, request)].every(Boolean);

function hasPassword(user: CompiledUser, { password, proves }: InternalRequest): boolean {
  if (!proves || !user.hasPass) {
    return user.pass(password);
  }
  return user.plainPass !== undefined && proves(user.plainPass);
}

function compile({ user, pass, ips, permissions }: InternalUser, where: string, problems: string[]): CompiledUser {
  const list = new IpList(ips);
  for (const entry of list.invalid) {
    problems.push(`${where}.ips: '${entry}' is neither an address nor a subnet`);
  }
  return {
    isAny: user === 'any',
    user: credential(user, `${where}.user`, problems),
    pass: pass === '' ? () => true : credential(pass, `${where}.pass`, problems),
    hasPass: pass !== '',
    plainPass: /^(?:sha256|argon2):/.test(pass) ? undefined : pass,
    ips: list,
    permissions: permissions.map(({ action, path }) => ({
      action,
      matches: ACTIONS_WITH_PATH.has(action) ? pathRule(path, `${where}.permissions`, problems) : () => true,
    })),
  };
}

/** Empty: every path; `~`: a regular expression that may match anywhere; else the name itself. */
function pathRule(rule: string, where: string, problems: string[]): (path: string) => boolean {
  if (rule === '') {
    return () => true;
  }
  if (!rule.startsWith('~')) {
    return (path) => path === rule;
  }
  try {
    const expression = new RegExp(rule.slice(1));
    return (path) => expression.test(path);
  } catch (error) {
    problems.push(`${where}: '${rule}' matches nothing: ${explain(error)}`);
    return () => false;
  }
}

function credential(configured: string, where: string, problems: string[]): (given: string) => boolean {
  if (configured.startsWith('argon2:')) {
    problems.push(`${where}: argon2 is not supported yet: write the value plainly or as sha256:`);
    return () => false;
  }
  if (!configured.startsWith('sha256:')) {
    const expected = sha256(configured);
    return (given) => timingSafeEqual(sha256(given), expected);
  }
  const expected = Buffer.from(configured.slice('sha256:'.length), 'base64');
  if (expected.length !== 32) {
    problems.push(`${where}: sha256 digest of ${expected.length} bytes, expected 32 in base64`);
    return () => false;
  }
  return (given) => timingSafeEqual(sha256(given), expected);
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
