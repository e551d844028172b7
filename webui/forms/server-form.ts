import { effect } from '@preact/signals';
import { awaySinceMs } from '../api-client/paths.ts';
import { BoxError } from '../api-client/request.ts';
import { access, noteRefusal, session } from '../api-client/session.ts';
import { Form, type FormOptions } from './form.ts';

/** A form whose values go to the box: it waits for a box that is away, and for a log-in when the session has ended. */
export const boxForm = <V extends object>(options: Omit<FormOptions<V>, 'untilAgain'>): Form<V> =>
  new Form({ ...options, untilAgain });

function untilAgain(failure: unknown): Promise<void> | undefined {
  if (!(failure instanceof BoxError)) {
    return undefined;
  }
  if (failure.status === 0) {
    awaySinceMs.value ??= Date.now();
    return until(() => awaySinceMs.value === undefined);
  }
  return failure.status === 401 ? untilLoggedIn(failure) : undefined;
}

/** A box that refuses while the session is there would refuse again. */
async function untilLoggedIn(failure: BoxError): Promise<void> {
  await noteRefusal();
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
