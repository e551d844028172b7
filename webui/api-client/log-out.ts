import { fetchJson } from './request.ts';
import { access, mustReload } from './session.ts';

/** Of all windows that this browser has open on the device. */
const windows = new BroadcastChannel('perch-log-out');

// They have one session together: what they show was for whoever has left.
windows.onmessage = leave;

/** Ends the session, a guest's as well, in all windows. */
export async function logOut(): Promise<void> {
  await fetchJson('v3/session', { method: 'DELETE' });
  windows.postMessage('');
  leave();
}

function leave(): void {
  access.value = 'refused';
  mustReload.value = true;
}
