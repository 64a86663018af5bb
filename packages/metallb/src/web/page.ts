/** The whole page; the rest is drawn by its script. */
export const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>MetalLB</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/client.css">
  </head>
  <body>
    <main id="app"></main>
    <noscript>This page needs JavaScript; <code>metallb status</code> shows the same in a terminal.</noscript>
    <script type="module" src="/client.js"></script>
  </body>
</html>
`;
