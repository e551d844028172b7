import { PerchError } from '../../../base/errors.ts';
import { HIDDEN } from '../../../config/edit/json.ts';
import type { ChannelSettings } from './kinds/kind.ts';
import { kindOf } from './kinds/kinds.ts';
import { secretsOf } from './secrets.ts';
import type { ChannelMessage, SendOptions } from './sending/channel-message.ts';

/** Sends a message, without its picture if that is too large. @throws PerchError that says what is wrong, without secrets */
export async function sendBy(settings: ChannelSettings, message: ChannelMessage, options: SendOptions): Promise<void> {
  try {
    const { send } = await kindOf(settings).load();
    await send(settings, message, options).catch((error: unknown) => {
      if (message.picture && error instanceof PerchError && error.context['isTooLarge'] === true) {
        return send(settings, { ...message, picture: undefined }, options);
      }
      throw error;
    });
  } catch (error) {
    throw error instanceof PerchError ? withoutSecrets(error, settings) : error;
  }
}

/** Masks secrets: servers may repeat in their answer what they were sent. */
function withoutSecrets({ code, message, context }: PerchError, settings: ChannelSettings): PerchError {
  const text = secretsOf(settings).reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), message);
  // The message is cut after masking: half a secret would not be found.
  return new PerchError(code, text.slice(0, 300), context);
}
