import { fetchJson } from './request.ts';
import { access, mustReload } from './session.ts';

/** To all windows of this browser. */
const windows = new BroadcastChannel('perch-logout');

// They share one session and show data of the former user.
windows.onmessage = leave;

/** Ends the session, or that of a guest link, in all windows. */
export async function logOut(): Promise<void> {
  await fetchJson('v3/session', { method: 'DELETE' });
  windows.postMessage('');
  leave();
}

function leave(): void {
  access.value = 'refused';
  mustReload.value = true;
}
