import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { becomeOwnerOf } from '../../../system/data-folder.ts';
import { SERVERS_FILE } from '../../auth/pairing/paired-servers.ts';
import { loadPrivate } from '../../base/files/durable-file.ts';
import { readConfig } from '../../config/store/read-config.ts';
import type { CommandCall } from '../contract.ts';
import { credentialIn, memberOf, nameOf } from './bus/credential.ts';
import { checkMember } from './check-member.ts';
import { isConfigFile, readCredentialOf } from './issue/fleet-command.ts';

/** `perch fleet join`. @returns the exit code @throws PerchError */
export async function joinFleet(
  call: CommandCall,
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<number> {
  const { dataDir, cwd, env, write } = call;
  const credential = await readCredentialOf(call, input);
  const member = memberOf(credential.jwt);
  becomeOwnerOf(dataDir);
  const named = call.words.find(isConfigFile);
  // The container's command names its file also before there is one.
  const file = named !== undefined && existsSync(resolve(cwd, named)) ? named : undefined;
  const { name, config } = await readConfig(file, { dataDir, cwd, env, keys: await call.keys() });
  checkMember(member, { name, config }, await boxIdIn(dataDir));
  const document = credentialIn(dataDir);
  const former = await formerName(document);
  await document.save(() => credential);
  write(`This Perch is ${nameOf(member)} of the fleet. With natsURL it connects at once, also while it runs.\n`);
  if (former !== undefined && former !== nameOf(member)) {
    write(`It was ${former}: no two servers may have the same credential.\n`);
  }
  return 0;
}

/** Who this Perch is by the credential that it has; undefined: it has none that can be read. */
async function formerName(document: ReturnType<typeof credentialIn>): Promise<string | undefined> {
  try {
    const credential = await document.load();
    return credential && nameOf(memberOf(credential.jwt));
  } catch {
    return undefined;
  }
}

/** It lasts from the first pairing on. */
async function boxIdIn(dataDir: string): Promise<string | undefined> {
  const stored = await loadPrivate(join(dataDir, SERVERS_FILE));
  const id = (stored as { readonly box?: unknown } | undefined)?.box;
  return typeof id === 'string' ? id : undefined;
}
