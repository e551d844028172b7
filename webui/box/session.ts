import { signal } from '@preact/signals';
import { ask } from './request.ts';

export interface Session {
  readonly claimed: boolean;
  readonly loggedIn: boolean;
  readonly user: string | null;
  /** Whether the box shows us its cameras. */
  readonly mayLook: boolean;
  readonly mayClaim: boolean;
  readonly needsSetupCode: boolean;
  /** Anyone on this network can watch. */
  readonly openAccess: boolean;
  readonly warnings: readonly string[];
}

/** Undefined until the box has answered for the first time. */
export const session = signal<Session | undefined>(undefined);

/** Whether the box shows us its cameras. On the box itself it does so before anybody owns it. */
export const access = signal<'unknown' | 'granted' | 'refused'>('unknown');

export async function loadSession(): Promise<void> {
  session.value = await ask<Session>('v3/session');
}

export async function claim(password: string, setupCode: string | undefined): Promise<void> {
  await ask('v3/claim', { method: 'POST', body: { password, ...(setupCode ? { setupCode } : {}) } });
  await enter();
}

export async function logIn(password: string): Promise<void> {
  await ask('v3/session', { method: 'POST', body: { password } });
  await enter();
}

export async function logOut(): Promise<void> {
  await ask('v3/session', { method: 'DELETE' });
  await loadSession();
  access.value = 'refused';
}

async function enter(): Promise<void> {
  await loadSession();
  access.value = 'granted';
}
