import { startWords } from '../../words/start.ts';

/** Below a password field: plain http can be read in the network. Not shown on the device itself. */
export function UnencryptedNotice() {
  const t = startWords.value;
  return location.protocol === 'https:' || window.isSecureContext ? null : (
    <p class="dim small unencrypted">
      {t.clearText}{' '}
      <a href="trust" target="_blank" rel="noopener">
        {t.clearTextWayOut}
      </a>
    </p>
  );
}

/** After a wrong password: the owner resets it on the device, others ask the owner. */
export const ForgottenPassword = ({ isOwner }: { readonly isOwner: boolean }) => (
  <p class="dim small">{isOwner ? startWords.value.forgotten : startWords.value.askOwner}</p>
);
