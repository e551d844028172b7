import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { becomeOwnerOf, needsDataFolder } from '../../../../system/data-folder.ts';
import { INVITATION_MS } from '../../../auth/pairing/invitations.ts';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import { resolvePath } from '../../../config/load/load.ts';
import { isCatchAll } from '../../../config/values/path-name.ts';
import type { CommandCall } from '../../contract.ts';
import { LEFT_FILE } from '../keys/away-file.ts';
import { MAX_CHARS, readAwayInvitation } from '../keys/invitation.ts';

/** A running Perch looks for it every five seconds, and connects for at most twenty. */
const MAX_WAIT_MS = 60_000;
const POLL_MS = 200;
const RUNNING = 'Perch is running';

const Left = Type.Object({
  invitation: Type.String({ maxLength: 2_000 }),
  cameras: Type.Union([Type.Literal('all'), Type.Array(Type.String({ minLength: 1, maxLength: 512 }))]),
  talk: Type.Boolean(),
  turn: Type.Optional(Type.Boolean()),
  switch: Type.Optional(Type.Boolean()),
  settings: Type.Optional(Type.Boolean()),
  fleet: Type.Optional(Type.Boolean()),
  /** When it was left, Unix milliseconds. */
  left: Type.Integer(),
  /** Whether the command waits for what comes of it. */
  waits: Type.Boolean(),
  /** Why the last attempt failed, while there will be further ones. */
  last: Type.Optional(Type.String()),
  /** What came of it. */
  server: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
});
type Left = Static<typeof Left>;

const documentIn = (dataDir: string) => new StoredDocument(join(dataDir, LEFT_FILE), Left);

/**
 * Redeems what `perch connect` has left. Unless the command waits, it is tried again while the server cannot be reached, or a camera may not be
 * published yet, and the invitation may be valid.
 * @param redeem @returns the name of the server @throws PerchError
 */
export async function redeemLeft(
  dataDir: string,
  { log, clock }: { readonly log: Logger; readonly clock: Pick<Clock, 'wallMs'> },
  redeem: (invitation: string, rights: ServerRights) => Promise<string>,
): Promise<void> {
  const document = documentIn(dataDir);
  try {
    const left = await document.load();
    if (!left) {
      return;
    }
    const { invitation, cameras, talk, turn = false, switch: switches = false } = left;
    const { settings = false, fleet = false, waits, last } = left;
    const ageMs = clock.wallMs() - left.left;
    const isOver = ageMs < 0 || ageMs >= INVITATION_MS;
    if (left.server !== undefined || left.error !== undefined) {
      // The command that waited for it may have been killed.
      if (isOver) {
        await document.remove();
      }
      return;
    }
    const rights = { cameras, live: true, recordings: true, talk, turn, switch: switches, settings, fleet };
    const result = await redeem(invitation, rights).then(
      (server) => ({ server }),
      (error: unknown) => ({ error: explain(error), mayPass: mayPass(error) }),
    );
    if (waits) {
      const outcome = 'server' in result ? result : { error: result.error };
      // The secret is of no more use.
      await document.save(() => ({ ...left, invitation: '', ...outcome }));
    } else if ('server' in result) {
      await document.remove();
    } else if (isOver || !result.mayPass) {
      log.warn(
        { cause: result.error },
        'this box is not connected to the server of perch connect: use a new invitation',
      );
      await document.remove();
    } else if (result.error !== last) {
      log.warn(
        { cause: result.error },
        'this box is not connected to the server of perch connect yet: trying again for ten minutes',
      );
      await document.save(() => ({ ...left, last: result.error }));
    }
  } catch (error) {
    log.warn({ cause: explain(error) }, 'the invitation that perch connect has left cannot be read');
    await document.remove();
  }
}

const mayPass = (error: unknown): boolean =>
  error instanceof PerchError &&
  (error.code === 'unavailable' || error.code === 'timeout' || error.context['why'] === 'unknownCamera');

/** While Perch is off. A name that only a catch-all has may be published later. @throws PerchError badInput for a name that no camera has */
async function checkConfigured(call: CommandCall, cameras: readonly string[]): Promise<void> {
  const { dataDir, cwd, env, file } = call;
  const [{ readConfig }, { checkCameras }] = await Promise.all([
    import('../../../config/store/read-config.ts'),
    import('../../../http/api/accounts/server-terms.ts'),
  ]);
  const read = await readConfig(file, { dataDir, cwd, env, keys: await call.keys() }).catch((error: unknown) => {
    rethrowUnexpected(error);
    // The next start says what is wrong with it, and checks the names.
    return undefined;
  });
  if (read) {
    const { config } = read;
    const entryOf = (name: string) => resolvePath(config, name)?.name ?? '';
    const names = [...config.paths.values()].filter(({ pattern }) => !pattern).map(({ name }) => ({ name }));
    checkCameras(
      cameras.filter((name) => !isCatchAll(entryOf(name))),
      { settings: () => config, paths: { list: () => names } },
    );
  }
}

/** Has this box connect to the server of an invitation, whether Perch runs or not. @returns the exit code @throws PerchError */
export async function connectCommand(
  call: CommandCall,
  clock: Pick<Clock, 'monoMs' | 'wallMs' | 'sleep'> = systemClock,
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<number> {
  const { words, dataDir, text, has, hold, write } = call;
  const [word = ''] = words;
  const invitation = word === '-' ? await firstLine(input) : word;
  const { name } = readAwayInvitation(invitation);
  needsDataFolder(dataDir);
  const cameras =
    text('cameras')
      ?.split(',')
      .filter((one) => one !== '') ?? ('all' as const);
  becomeOwnerOf(dataDir);
  const document = documentIn(dataDir);
  const waits = isRunning(hold);
  if (!waits && cameras !== 'all') {
    await checkConfigured(call, cameras);
  }
  const given = { talk: has('talk'), turn: has('turn'), switch: has('switch'), settings: has('settings') };
  const fleet = cameras === 'all' && !has('no-fleet');
  await document.save(() => ({ invitation, cameras, ...given, fleet, left: clock.wallMs(), waits }));
  if (!waits) {
    write(`Perch connects to ${name} at its next start, within ten minutes of the invitation.\n`);
    return 0;
  }
  const stop = call.stopSignal();
  const beganMs = clock.monoMs();
  let left: Left | undefined;
  while (!stop.aborted && clock.monoMs() - beganMs < MAX_WAIT_MS) {
    left = await document.load();
    if (left?.server !== undefined || left?.error !== undefined) {
      break;
    }
    await clock.sleep(POLL_MS, stop);
  }
  await document.remove();
  if (left?.server === undefined) {
    throw new PerchError(
      'unavailable',
      left?.error ?? `no answer of Perch within ${MAX_WAIT_MS / 1000} s: see its log`,
    );
  }
  write(`This box is connected to ${left.server}.\n`);
  return 0;
}

/** Standard input is in no list of processes and no history, unlike words. */
async function firstLine(input: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += chunk.toString();
    if (text.includes('\n') || text.length > MAX_CHARS) {
      break;
    }
  }
  return text.split('\n', 1)[0] ?? '';
}

function isRunning(hold: CommandCall['hold']): boolean {
  try {
    hold(RUNNING).release();
    return false;
  } catch (error) {
    if (error instanceof PerchError && error.message === RUNNING) {
      return true;
    }
    throw error;
  }
}
