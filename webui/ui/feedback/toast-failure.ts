import { actionErrorText } from '../../api-client/error-text.ts';
import { toast } from './toast.tsx';

export const toastFailure = (error: unknown): void => toast(actionErrorText(error));

/** Shows the failure of an action. @returns whether it succeeded */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    toastFailure(error);
    return false;
  }
}
