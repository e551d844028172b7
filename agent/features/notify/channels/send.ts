import { PerchError } from '../../../base/errors.ts';
import { HIDDEN } from '../../../config/edit/json.ts';
import type { ChannelSettings } from './channel-fields.ts';
import type { ChannelMessage, SendOptions } from './channel-message.ts';
import { secretsOf } from './secrets.ts';

/** Sends a message, without its picture if that is too large. @throws PerchError that says what is wrong, without secrets */
export async function sendBy(settings: ChannelSettings, message: ChannelMessage, options: SendOptions): Promise<void> {
  try {
    await sendOnce(settings, message, options).catch((error: unknown) => {
      if (message.picture && error instanceof PerchError && error.context['isTooLarge'] === true) {
        return sendOnce(settings, { ...message, picture: undefined }, options);
      }
      throw error;
    });
  } catch (error) {
    throw error instanceof PerchError ? withoutSecrets(error, settings) : error;
  }
}

/** The code of each kind of channel is loaded with its first message. */
async function sendOnce(settings: ChannelSettings, message: ChannelMessage, options: SendOptions): Promise<void> {
  switch (settings.kind) {
    case 'email':
      return (await import('./email.ts')).sendEmail(settings, message, options);
    case 'ntfy':
      return (await import('./ntfy.ts')).sendNtfy(settings, message, options);
    case 'webHook':
      return (await import('./web-hook.ts')).sendWebHook(settings, message, options);
  }
}

/** Masks secrets: servers may repeat in their answer what they were sent. */
function withoutSecrets({ code, message, context }: PerchError, settings: ChannelSettings): PerchError {
  const text = secretsOf(settings).reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), message);
  // The message is cut after masking: half a secret would not be found.
  return new PerchError(code, text.slice(0, 300), context);
}
