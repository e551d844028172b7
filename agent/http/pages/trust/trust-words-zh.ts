import type { TrustWords } from './trust-words.ts';

const CHROME_INSTALL =
  'Chrome、Edge：在菜单中选择“安装 Perch”（Chrome：“投放、保存和分享”；Edge：“更多工具 → 应用”）。';

export const CHINESE: TrustWords = {
  lang: 'zh-CN',
  title: '信任这台 Perch 主机',
  why: '主机使用自己签发的证书。{}信任后，连接即加密且不再有警告，对讲、分享和安装也可使用。该证书只对本地名称和地址有效，无法用来冒充其他网站。',
  off: 'https 尚未开启，或其端口已被占用。请管理员在“设置 → 系统 → 安全连接”中开启，之后本页会提供证书。',
  things: { phone: '这部手机', tablet: '这台平板', computer: '这台电脑' },
  checking: '正在检查{}是否已信任主机…',
  trusted: '{}已信任主机。',
  notTrusted: '{}尚未信任主机。',
  another: '在此地址通过 https 应答的是另一台设备。请用主机自己的地址打开本页。',
  warned: '{}尚未信任主机。浏览器跳过警告打开了本页。',
  follow: '请按下面的步骤操作，然后回到本页，它会自动重新检查。',
  again: '重新检查',
  goOn: '通过 https 继续',
  goOnText: '在那里可以把 Perch 安装到{}。',
  open: '打开 Perch',
  steps: '步骤',
  stepsFor: '系统',
  fingerprint: '1. 比对指纹',
  compare:
    '“设置 → 系统 → 安全连接”中显示相同的四行，Perch 启动时的输出和“perch doctor”也会显示。如有一行不一致，说明连接被另一台机器截获：请不要安装该证书。',
  certificate: '2. 安装证书',
  downloadProfile: '下载描述文件',
  download: '下载证书',
  systems: [
    {
      id: 'ios',
      name: 'iPhone、iPad',
      file: 'mobileconfig',
      steps: [
        '用 Safari 打开本页，点按“下载描述文件”，然后点按“允许”。',
        '打开“设置”App，点按“已下载描述文件”。（如果没有：通用 → VPN 与设备管理。）',
        '点按“安装”，输入锁屏密码，再次点按“安装”。',
        '设置 → 通用 → 关于本机 → 证书信任设置（在最底部）：打开这台主机的开关，点按“继续”。',
      ],
      missed: '通常是少了最后一步：设置 → 通用 → 关于本机 → 证书信任设置。',
      install: [
        '在 Safari 中点按“打开 Perch”。',
        '点按“共享”（新版本先点按“…”），然后点按“添加到主屏幕”。',
        '点按“添加”，保持“作为网页 App 打开”开启。',
      ],
    },
    {
      id: 'android',
      name: 'Android',
      file: 'crt',
      steps: [
        '点按“下载证书”。如果浏览器提示风险，请点按“保留”。',
        '打开系统“设置”，搜索“CA 证书”。（Pixel：安全和隐私 → 更多安全和隐私设置 → 加密与凭据 → 安装证书 → CA 证书。三星：安全和隐私 → 更多安全设置 → 从手机存储安装 → CA 证书。）',
        '点按“仍然安装”，输入 PIN 码确认，从下载中选择“perch.crt”。',
      ],
      missed:
        '请确认选择的是“CA 证书”，而不是“VPN 和应用用户证书”或“WLAN 证书”。Firefox：设置 → 关于 Firefox，点按图标五次，然后在 Secret Settings 中打开 Use third party CA certificates。',
      install: [
        'Chrome：⋮ → “添加到主屏幕” → “安装”。',
        'Firefox：⋮ → “添加应用到主屏幕”。',
        '三星浏览器：☰ → “添加页面到” → “主屏幕”。',
      ],
    },
    {
      id: 'windows',
      name: 'Windows',
      file: 'crt',
      steps: [
        '点击“下载证书”。如果浏览器提示风险，请点击“保留”。',
        '打开“perch.crt”，点击“安装证书…”，选择“当前用户”，点击“下一步”。',
        '选择“将所有的证书都放入下列存储”，浏览 → “受信任的根证书颁发机构”，点击“下一步”“完成”“是”。',
        '关闭浏览器的所有窗口，再打开本页。Firefox 会信任 Windows 所信任的证书。',
      ],
      missed: '请检查存储位置：必须是“受信任的根证书颁发机构”。然后关闭浏览器的所有窗口。',
      install: [CHROME_INSTALL],
    },
    {
      id: 'macos',
      name: 'Mac',
      file: 'crt',
      steps: [
        '点击“下载证书”。',
        '打开“perch.crt”。“钥匙串访问”询问钥匙串时选择“登录”。',
        '在“钥匙串访问”的“登录 → 证书”中打开这台主机的证书。',
        '展开“信任”，将“使用此证书时”设为“始终信任”，关闭窗口并输入密码。Firefox 会信任 Mac 所信任的证书。',
      ],
      missed: '通常是没有设为“始终信任”：在“钥匙串访问”中打开证书，展开“信任”。',
      install: ['Safari：文件 → “添加到程序坞”。', CHROME_INSTALL],
    },
    {
      id: 'linux',
      name: 'Linux、ChromeOS（Chrome、Edge）',
      file: 'crt',
      steps: [
        '点击“下载证书”。如果浏览器提示风险，请点击“保留”。',
        '在新标签页打开 chrome://certificate-manager。（在设置中：隐私和安全 → 安全 → 管理证书。）',
        '本地证书 → 自定义 → 由您安装 → 受信任的证书：点击“导入”，选择“perch.crt”。旧版本：授权机构 → 导入，勾选“信任该证书，以标识网站的身份”。',
      ],
      missed: '请确认证书在“受信任的证书”下，而不是在“您的证书”下。',
      install: [CHROME_INSTALL],
    },
    {
      id: 'firefox',
      name: '电脑上的 Firefox',
      file: 'crt',
      steps: [
        '点击“下载证书”并保存文件。',
        '菜单 → 设置 → 隐私与安全 → 证书 → “查看证书…” → 证书颁发机构 → “导入…”，选择“perch.crt”。',
        '勾选“信任由此证书颁发机构来标识网站”，点击“确定”。',
      ],
      missed: '请确认已勾选“信任由此证书颁发机构来标识网站”：证书颁发机构 → 这台主机 → “编辑信任…”。',
      install: ['在大多数电脑上 Firefox 不能安装应用。请添加书签，或用 Chrome、Edge、Safari 安装 Perch。'],
    },
  ],
  install: '安装到{}',
  installText: '之后 Perch 像应用一样打开，有自己的图标，没有地址栏。',
  installNow: '安装',
  installed: 'Perch 已安装到{}。',
  other: { lang: 'en', name: 'English' },
};
