/** A system or browser with steps of its own. */
export type SystemId = 'ios' | 'android' | 'windows' | 'macos' | 'linux' | 'firefox';

export interface SystemWords {
  readonly id: SystemId;
  readonly name: string;
  readonly file: 'mobileconfig' | 'crt';
  readonly steps: readonly string[];
  /** The step that people miss most often. */
  readonly missed: string;
  /** How to install the page as an app. */
  readonly install: readonly string[];
}

/** Texts of the guided steps. `{}` stands for the phone, tablet or computer that shows them. */
export interface TrustWords {
  readonly lang: string;
  readonly title: string;
  readonly why: string;
  readonly off: string;
  readonly things: { readonly phone: string; readonly tablet: string; readonly computer: string };
  readonly checking: string;
  readonly trusted: string;
  readonly notTrusted: string;
  /** Another device has the https port at this address. */
  readonly another: string;
  /** Opened despite the browser's warning. */
  readonly warned: string;
  readonly follow: string;
  readonly again: string;
  readonly goOn: string;
  readonly goOnText: string;
  readonly open: string;
  readonly steps: string;
  readonly stepsFor: string;
  readonly fingerprint: string;
  readonly compare: string;
  readonly certificate: string;
  readonly downloadProfile: string;
  readonly download: string;
  readonly systems: readonly SystemWords[];
  readonly install: string;
  readonly installText: string;
  readonly installNow: string;
  readonly installed: string;
  readonly other: { readonly lang: string; readonly name: string };
}
