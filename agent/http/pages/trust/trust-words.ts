/** Texts of the page for phones. */
export interface TrustWords {
  readonly lang: string;
  readonly title: string;
  readonly why: string;
  readonly off: string;
  readonly checking: string;
  readonly trusted: string;
  readonly notTrusted: string;
  readonly open: string;
  readonly fingerprint: string;
  readonly compare: string;
  readonly downloadProfile: string;
  readonly download: string;
  readonly steps: readonly {
    readonly device: string;
    readonly file: 'mobileconfig' | 'crt';
    readonly steps: readonly string[];
  }[];
  readonly other: { readonly lang: string; readonly name: string };
}

const ENGLISH: TrustWords = {
  lang: 'en',
  title: 'Trust this box',
  why: 'This box has its own certificate. Once your phone or computer trusts it, https opens without a warning and the microphone works. The certificate is valid for local names only and cannot be used for other sites.',
  off: 'https is off, or its port is in use. The owner can turn it on with tlsAddress: :8443 in the configuration. This page then offers the certificate.',
  checking: 'Checking whether this browser already trusts it…',
  trusted: 'This browser trusts the box.',
  notTrusted: 'This browser does not trust the box yet.',
  open: 'Open over https',
  fingerprint: 'Fingerprint (SHA-256)',
  compare:
    'The box shows the same fingerprint in its terminal or on its screen, and "perch doctor" prints it. Compare all four lines. If one differs, another machine intercepts the connection: do not install the certificate.',
  downloadProfile: 'Profile for iPhone and Mac',
  download: 'Certificate',
  steps: [
    {
      device: 'iPhone, iPad',
      file: 'mobileconfig',
      steps: [
        'Open this page in Safari, tap the profile and allow the download.',
        'Settings → Profile Downloaded → Install.',
        'Settings → General → About → Certificate Trust Settings: turn it on for the certificate of the box.',
      ],
    },
    {
      device: 'Android',
      file: 'crt',
      steps: [
        'Download the certificate.',
        'Settings → Security → Encryption & credentials → Install a certificate → CA certificate → Install anyway.',
        'Choose the file perch.crt. In Firefox for Android also: Settings → About Firefox, tap the logo five times, then Secret settings → Use third party CA certificates.',
      ],
    },
    {
      device: 'Windows',
      file: 'crt',
      steps: [
        'Download the certificate and open it: Install Certificate → Current User.',
        'Place it in "Trusted Root Certification Authorities", finish and confirm. Restart the browser.',
      ],
    },
    {
      device: 'macOS',
      file: 'crt',
      steps: [
        'Download the certificate and open it to add it to the login keychain.',
        'In Keychain Access open it, Trust → When using this certificate: Always Trust.',
      ],
    },
    {
      device: 'Firefox (desktop), Chrome on Linux',
      file: 'crt',
      steps: [
        'Firefox: Settings → Privacy & Security → View Certificates → Authorities → Import, "Trust this CA to identify websites".',
        'Chrome on Linux: Settings → Privacy and security → Security → Manage certificates → Custom → Import.',
      ],
    },
  ],
  other: { lang: 'zh-CN', name: '简体中文' },
};

const CHINESE: TrustWords = {
  lang: 'zh-CN',
  title: '信任这台设备',
  why: '这台设备使用自己签发的证书。在手机或电脑上信任一次，之后用设备的任何名称打开 https 都不会再有警告，也可以使用麦克风。该证书只对本地名称有效，无法用来冒充其他网站。',
  off: 'https 尚未开启，或其端口已被占用。请管理员在配置中写入 tlsAddress: :8443，之后本页会提供证书。',
  checking: '正在检查此浏览器是否已信任…',
  trusted: '此浏览器可以通过 https 打开设备，没有警告。',
  notTrusted: '此浏览器尚未信任这台设备。',
  open: '通过 https 打开',
  fingerprint: '指纹（SHA-256）',
  compare:
    '设备的终端或屏幕上显示相同的指纹，"perch doctor" 也会打印它。请比对全部四行。如有一行不一致，说明您与设备之间有另一台机器：请不要安装该证书。',
  downloadProfile: 'iPhone 与 Mac 描述文件',
  download: '证书',
  steps: [
    {
      device: 'iPhone、iPad',
      file: 'mobileconfig',
      steps: [
        '用 Safari 打开本页，点按描述文件并允许下载。',
        '设置 → 已下载描述文件 → 安装。',
        '设置 → 通用 → 关于本机 → 证书信任设置：为这台设备打开开关。',
      ],
    },
    {
      device: 'Android',
      file: 'crt',
      steps: [
        '下载证书。',
        '设置 → 安全 → 加密与凭据 → 安装证书 → CA 证书 → 仍然安装。',
        '选择文件 perch.crt。Firefox Android 还需要：设置 → 关于 Firefox，点按图标五次，然后在 Secret settings 中打开 Use third party CA certificates。',
      ],
    },
    {
      device: 'Windows',
      file: 'crt',
      steps: [
        '下载并打开证书：安装证书 → 当前用户。',
        '存储到“受信任的根证书颁发机构”，完成并确认，然后重新启动浏览器。',
      ],
    },
    {
      device: 'macOS',
      file: 'crt',
      steps: ['下载并打开证书，它会加入“登录”钥匙串。', '在“钥匙串访问”中打开它，信任 → 使用此证书时：始终信任。'],
    },
    {
      device: 'Firefox（电脑）、Linux 上的 Chrome',
      file: 'crt',
      steps: [
        'Firefox：设置 → 隐私与安全 → 查看证书 → 证书颁发机构 → 导入，勾选“信任由此证书颁发机构来标识网站”。',
        'Linux 上的 Chrome：设置 → 隐私和安全 → 安全 → 管理证书 → 自定义 → 导入。',
      ],
    },
  ],
  other: { lang: 'en', name: 'English' },
};

/** @param wanted `?lang=` @param preferred `Accept-Language` */
export function wordsFor(wanted: string | undefined, preferred: string | undefined): TrustWords {
  const language = (wanted ?? preferred?.split(',')[0] ?? '').trim().toLowerCase();
  return language.startsWith('zh') ? CHINESE : ENGLISH;
}
