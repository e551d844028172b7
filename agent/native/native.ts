import { explain } from '../base/errors.ts';
import { BurstSender } from './burst-sender.ts';
import { DatagramReceiver } from './datagram-receiver.ts';
import { FrameBurstSender } from './frame-burst-sender.ts';
import {
  cipherFunctions,
  datagramFunctions,
  openProcessLibrary,
  receiveFunctions,
  type SocketFunctions,
  socketFunctions,
} from './functions.ts';
import { GcmCipher } from './gcm-cipher.ts';
import type { PacketMemory } from './packet-memory.ts';
import { checkBurst, checkDatagrams, checkGcm, checkReceive } from './self-check.ts';
import { StreamReader } from './stream-reader.ts';

interface NativeUse {
  /** Undefined: nothing has needed it yet. */
  readonly isUsed?: boolean;
  /** Why it is not used. */
  readonly reason?: string;
}

/** Which native functions this process uses. */
export interface NativeStatus {
  /** UDP generic segmentation offload. */
  readonly bursts: NativeUse;
  /** UDP datagrams received many at once, by recvmmsg(2). */
  readonly batches: NativeUse;
  /** AES-128-GCM by OpenSSL's EVP functions. */
  readonly gcm: NativeUse;
  /** TCP connections to cameras read without events. */
  readonly reads: NativeUse;
}

const status: Record<keyof NativeStatus, NativeUse> = { bursts: {}, batches: {}, gcm: {}, reads: {} };

export const nativeStatus = (): NativeStatus => ({ ...status });

/** @returns undefined if it does not work here; `nativeStatus` gives the reason */
export function openGcmCipher(memory: PacketMemory, headerBytes: number): GcmCipher | undefined {
  try {
    const functions = cipherFunctions(openProcessLibrary());
    checkGcm(functions);
    const cipher = new GcmCipher(functions, memory, headerBytes);
    status.gcm = { isUsed: true };
    return cipher;
  } catch (cause) {
    status.gcm = { isUsed: false, reason: explain(cause) };
    return undefined;
  }
}

/** @returns undefined if it does not work here; `nativeStatus` gives the reason */
export async function openBurstSender(memory: PacketMemory): Promise<BurstSender | undefined> {
  const functions = await openBursts();
  return functions && new BurstSender(functions, memory);
}

/** @returns undefined if it does not work here; `nativeStatus` gives the reason */
export async function openFrameBurstSender(): Promise<FrameBurstSender | undefined> {
  const functions = await openBursts();
  return functions && new FrameBurstSender(functions);
}

let receiver: Promise<DatagramReceiver | undefined> | undefined;

/** All sockets of the process share one receiver. @returns undefined if it does not work here; `nativeStatus` gives the reason */
export function openDatagramReceiver(): Promise<DatagramReceiver | undefined> {
  receiver ??= checkedReceiver();
  return receiver;
}

async function checkedReceiver(): Promise<DatagramReceiver | undefined> {
  try {
    const opened = new DatagramReceiver(datagramFunctions(openProcessLibrary()));
    await checkDatagrams(opened);
    status.batches = { isUsed: true };
    return opened;
  } catch (cause) {
    status.batches = { isUsed: false, reason: explain(cause) };
    return undefined;
  }
}

let bursts: Promise<SocketFunctions | undefined> | undefined;

/** Bursts are checked once in the life of the process. */
function openBursts(): Promise<SocketFunctions | undefined> {
  bursts ??= checkedBursts();
  return bursts;
}

async function checkedBursts(): Promise<SocketFunctions | undefined> {
  try {
    const functions = socketFunctions(openProcessLibrary());
    await checkBurst(functions);
    status.bursts = { isUsed: true };
    return functions;
  } catch (cause) {
    status.bursts = { isUsed: false, reason: explain(cause) };
    return undefined;
  }
}

let reader: StreamReader | undefined;

/** All sockets of the process share one reader. @returns undefined if it does not work here; `nativeStatus` gives the reason */
export function openStreamReader(): StreamReader | undefined {
  if (status.reads.isUsed !== undefined) {
    return reader;
  }
  try {
    const functions = receiveFunctions(openProcessLibrary());
    checkReceive(functions);
    reader = new StreamReader(functions);
    status.reads = { isUsed: true };
  } catch (cause) {
    status.reads = { isUsed: false, reason: explain(cause) };
  }
  return reader;
}
