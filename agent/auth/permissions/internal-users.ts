import { IpList } from '../../base/network/ip-address.ts';
import type { InternalUser } from '../../config/schema/common/general.ts';
import { type Credential, compileCredential } from '../passwords/credential.ts';
import type { HashQueue } from '../passwords/hash-queue.ts';
import type { ApiAuth, AuthRequest, Verdict } from './api-auth.ts';
import { Permissions } from './permissions.ts';

interface CompiledUser {
  readonly isAny: boolean;
  /** User name as shown to people. */
  readonly shownName: string;
  readonly user: Credential;
  readonly pass: Credential | undefined;
  readonly ips: IpList;
  readonly shownIps: string;
  readonly permissions: Permissions;
}

/** Why an entry does not match. */
type Miss = 'anonymous' | 'action' | 'address' | 'name';

/** `authInternalUsers`, in order, first match wins. */
export class InternalUsers implements ApiAuth {
  /** Entries that can never match, and why. */
  readonly problems: readonly string[];
  readonly #users: readonly CompiledUser[];

  constructor(users: readonly InternalUser[], checks: HashQueue) {
    const problems: string[] = [];
    this.#users = users.map((user, index) => compile(user, `authInternalUsers[${index}]`, checks, problems));
    this.problems = problems;
  }

  get warnings(): readonly string[] {
    return this.problems;
  }

  /** Watching needs no password. */
  get isOpen(): boolean {
    return this.#users.some((user) => isAnonymous(user) && user.ips.isEmpty && user.permissions.has('read'));
  }

  get anonymous(): string | undefined {
    const count = this.#users.filter(isAnonymous).length;
    return count > 0 ? `authInternalUsers: entries without a password (${count})` : undefined;
  }

  async decide(request: AuthRequest, allowsAnonymous: boolean): Promise<Verdict> {
    for (const user of this.#users) {
      if ((await whyNot(user, request, allowsAnonymous, hasCredentialsOf)) === undefined) {
        return { allowed: true, reason: 'authInternalUsers', isKnown: !isAnonymous(user) };
      }
    }
    // An existing name with a slow hash takes long, so an unknown name must as well.
    const slow = this.#users.find(({ pass }) => pass?.isSlow);
    const hasSlowName = await anyOf(this.#users, async ({ pass, user }) => {
      return pass?.isSlow === true && (await user.matches(request.user, request.ip));
    });
    if (slow?.pass && !hasSlowName) {
      await slow.pass.matches(request.password, request.ip);
    }
    const isKnown = await this.#knows(request);
    return {
      allowed: false,
      reason: isKnown ? 'no entry of authInternalUsers permits it' : 'wrong name or password',
      isKnown,
    };
  }

  async explain(request: AuthRequest, allowsAnonymous: boolean) {
    const steps: string[] = [];
    for (const [index, user] of this.#users.entries()) {
      const miss = await whyNot(user, request, allowsAnonymous, isNamed);
      steps.push(`authInternalUsers[${index}] (${user.shownName}): ${wordsOf(miss, user, request)}`);
      if (miss === undefined) {
        return { allowed: true, steps };
      }
    }
    return { allowed: false, steps: steps.length > 0 ? steps : ['authInternalUsers: no entries'] };
  }

  /** Tries every password, so that the time does not reveal whether the name exists. */
  provenPassword(name: string, proves: (password: string) => boolean): string | undefined {
    const proven = this.#users.filter(({ pass }) => pass?.plain !== undefined && proves(pass.plain));
    return proven.find(({ user }) => user.plain === name)?.pass?.plain;
  }

  /** Whether the credentials are in the file, whatever they permit. */
  #knows(request: AuthRequest): Promise<boolean> {
    return anyOf(this.#users, async (user) => {
      return !isAnonymous(user) && isFromThere(user, request) && (await hasCredentialsOf(user, request));
    });
  }
}

async function anyOf<T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<boolean> {
  for (const item of items) {
    if (await test(item)) {
      return true;
    }
  }
  return false;
}

const isAnonymous = (user: CompiledUser): boolean => user.isAny || user.pass === undefined;

async function whyNot(
  user: CompiledUser,
  request: AuthRequest,
  allowsAnonymous: boolean,
  isThisOne: typeof hasCredentialsOf,
): Promise<Miss | undefined> {
  if (!allowsAnonymous && isAnonymous(user)) {
    return 'anonymous';
  }
  if (!user.permissions.allows(request.action, request.path)) {
    return 'action';
  }
  if (!isFromThere(user, request)) {
    return 'address';
  }
  return (await isThisOne(user, request)) ? undefined : 'name';
}

const isFromThere = ({ ips }: CompiledUser, { ip, isIpKnown }: AuthRequest): boolean =>
  ips.isEmpty || (isIpKnown && ips.has(ip));

/** Compares both if that is fast, so that the time reveals nothing. */
async function hasCredentialsOf(user: CompiledUser, request: AuthRequest): Promise<boolean> {
  if (user.isAny) {
    return true;
  }
  const isUser = await user.user.matches(request.user, request.ip);
  if (user.pass?.isSlow) {
    return isUser && (await hasPassword(user, request));
  }
  const isPass = await hasPassword(user, request);
  return isUser && isPass;
}

/** Assumes that the password is right. */
const isNamed = async (user: CompiledUser, request: AuthRequest): Promise<boolean> =>
  user.isAny || (await user.user.matches(request.user, request.ip));

function hasPassword({ pass }: CompiledUser, { password, proves, ip }: AuthRequest): boolean | Promise<boolean> {
  if (!pass) {
    return true;
  }
  return proves ? pass.plain !== undefined && proves(pass.plain) : pass.matches(password, ip);
}

function wordsOf(miss: Miss | undefined, user: CompiledUser, { action, path }: AuthRequest): string {
  const wanted = path === '' ? action : `${action} ${path}`;
  switch (miss) {
    case undefined:
      return `permitted: may ${user.permissions.words}${user.shownIps}${user.pass ? ', with the password' : ''}`;
    case 'anonymous':
      return "ignored: it has no password, which Perch's own setup requires";
    case 'action':
      return `does not match: may ${user.permissions.words}, not ${wanted}`;
    case 'address':
      return `does not match: only${user.shownIps}`;
    case 'name':
      return 'does not match: another name';
  }
}

function compile(
  { user, pass, ips, permissions }: InternalUser,
  where: string,
  checks: HashQueue,
  problems: string[],
): CompiledUser {
  const list = new IpList(ips);
  for (const entry of list.invalid) {
    problems.push(`${where}.ips: '${entry}' is neither an address nor a subnet`);
  }
  const allowed = new Permissions(permissions, `${where}.permissions`);
  problems.push(...allowed.problems);
  const name = compileCredential(user, `${where}.user`, checks, problems);
  return {
    isAny: user === 'any',
    shownName: name.plain ?? 'a hashed name',
    user: name,
    pass: pass === '' ? undefined : compileCredential(pass, `${where}.pass`, checks, problems),
    ips: list,
    shownIps: ips.length === 0 ? '' : ` from ${ips.join(', ')}`,
    permissions: allowed,
  };
}
