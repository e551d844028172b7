/** A note with the steps to https, on phones whose browser offers sharing only over https. */
export function SharingNeedsHttps({ text, steps }: { readonly text: string; readonly steps: string }) {
  return window.isSecureContext || !matchMedia('(pointer: coarse)').matches ? null : (
    <p class="dim small unencrypted">
      {text}{' '}
      <a href="trust" target="_blank" rel="noopener">
        {steps}
      </a>
    </p>
  );
}
