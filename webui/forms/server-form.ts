import { effect } from '@preact/signals';
import { unreachableSinceMs } from '../api-client/paths.ts';
import { RequestError } from '../api-client/request.ts';
import { access, checkSession, session } from '../api-client/session.ts';
import { Form, type FormOptions } from './form.ts';

/** A form that waits while the box is away, and for a login after the session has ended. */
export const serverForm = <V extends object>(options: Omit<FormOptions<V>, 'retryAfter'>): Form<V> =>
  new Form({ ...options, retryAfter });

function retryAfter(failure: unknown): Promise<void> | undefined {
  if (!(failure instanceof RequestError)) {
    return undefined;
  }
  if (failure.status === 0) {
    unreachableSinceMs.value ??= Date.now();
    return until(() => unreachableSinceMs.value === undefined);
  }
  return failure.status === 401 ? untilLoggedIn(failure) : undefined;
}

/** With a valid session, a rejection is permanent. */
async function untilLoggedIn(failure: RequestError): Promise<void> {
  await checkSession();
  if (session.peek()?.loggedIn) {
    throw failure;
  }
  await until(() => access.value === 'granted');
}

const until = (isSo: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const stop = effect(() => {
      if (isSo()) {
        queueMicrotask(() => stop());
        resolve();
      }
    });
  });
