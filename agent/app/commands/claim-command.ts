import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { holdDataFolder } from '../../../system/data-folder.ts';
import { Accounts } from '../../auth/accounts/accounts.ts';
import { hasClaim, withdrawClaim, writeClaim } from '../../auth/accounts/local-claim.ts';
import { checkNewPassword } from '../../auth/accounts/new-password.ts';
import { readSetup } from '../../auth/accounts/setup-code.ts';
import { OWNER_NAME, Users } from '../../auth/accounts/users.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { OwnCommand } from '../../base/own-command.ts';
import { authorityFingerprint } from '../../tls/own-certificate.ts';
import { setupNotice } from '../device/setup-notice.ts';

/** A running Perch accepts a claim within a second; a board under load takes longer. */
const MAX_WAIT_MS = 15_000;
const POLL_MS = 50;

/** Perch may have read the claim before it was withdrawn. */
const NOT_IN_TIME =
  `Perch is running, but did not accept the password within ${MAX_WAIT_MS / 1000} s. ` +
  'It may still be saving it: try to log in before you run this again';

const hasOwner = (own: OwnCommand): PerchError => {
  const way = `remove the password and the second factor with ${own.of('reset-password')}`;
  return new PerchError('badInput', `this box already has an owner: ${way}`);
};

/** @throws PerchError if there is an owner */
export async function needsNoOwner(dataDir: string, own: OwnCommand): Promise<void> {
  if ((await Users.open(dataDir)).owner !== undefined) {
    throw hasOwner(own);
  }
}

/** Sets the owner's password on this box, whether Perch runs or not. @throws PerchError if it is not set */
export async function claimHere(dataDir: string, password: string, clock: Clock, own: OwnCommand): Promise<void> {
  checkNewPassword(password);
  await needsNoOwner(dataDir, own);
  const folder = holdUnlessHeld(dataDir);
  let isTaken = true;
  try {
    await writeClaim(dataDir, password);
    if (folder) {
      await Accounts.open({ dataDir, clock, log: silentLogger });
    } else {
      isTaken = await isTakenInTime(dataDir, clock);
    }
  } finally {
    await withdrawClaim(dataDir);
    folder?.release();
  }
  const users = await Users.open(dataDir);
  if (users.owner === undefined) {
    throw new PerchError('unavailable', isTaken ? 'the password was not saved: see the log of Perch' : NOT_IN_TIME);
  }
  if (!(await users.verify(OWNER_NAME, password))) {
    throw hasOwner(own);
  }
}

/** The setup notice of a Perch without owner. @throws PerchError if there is no link */
export async function linkHere(dataDir: string, own: OwnCommand, isTerminal: boolean): Promise<readonly string[]> {
  await needsNoOwner(dataDir, own);
  const { code, url } = (await readSetup(dataDir).catch(unlessDamaged)) ?? {};
  if (code === undefined || url === undefined) {
    const why = 'Perch has not started yet, or its configuration does not begin with perch: own';
    throw new PerchError('notFound', `no link: ${why}. ${own.of('claim')} sets the password without it`);
  }
  const fingerprint = await authorityFingerprint(dataDir);
  return setupNotice({ code, url, fingerprint, claim: own.of('claim') }, isTerminal);
}

/** @returns undefined if a Perch runs, which accepts the claim */
function holdUnlessHeld(dataDir: string) {
  try {
    return holdDataFolder(dataDir);
  } catch (error) {
    if (error instanceof PerchError && error.context['isHeld'] === true) {
      return undefined;
    }
    throw error;
  }
}

async function isTakenInTime(dataDir: string, clock: Clock): Promise<boolean> {
  const { signal } = new AbortController();
  const beginMs = clock.monoMs();
  while (clock.monoMs() - beginMs < MAX_WAIT_MS) {
    await clock.sleep(POLL_MS, signal);
    if (!hasClaim(dataDir)) {
      return true;
    }
  }
  return false;
}

/** The next start makes another code. */
function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof PerchError) || error.code !== 'badInput') {
    throw error;
  }
}

type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** Prompts twice at a terminal without echo; other inputs give the first line. */
export async function askNewPassword(input: Input, write: (text: string) => void): Promise<string> {
  const isTerminal = input.isTTY === true;
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input, output, terminal: isTerminal, historySize: 0 });
  const lines = reader[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<string> => {
    if (isTerminal) {
      write(question);
    }
    const { value, done } = await lines.next();
    if (isTerminal) {
      write('\n');
    }
    // Ctrl-C and Ctrl-D end the input.
    if (done) {
      throw new PerchError('badInput', 'no password entered');
    }
    return value;
  };
  try {
    const password = await ask('New password: ');
    if (isTerminal && (await ask('Repeat the password: ')) !== password) {
      throw new PerchError('badInput', 'the passwords do not match');
    }
    return password;
  } finally {
    reader.close();
  }
}
