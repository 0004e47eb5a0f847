import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { dirname } from 'node:path';

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f2937"/><path d="M7 17l6 6L25 9" fill="none" stroke="#34d399" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>SK Works API</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<link rel="stylesheet" href="/works/docs/assets/swagger-ui.css">
<link rel="stylesheet" href="/works/docs/page.css">
</head>
<body>
<div id="document"></div>
<noscript>This page needs JavaScript; the document itself is at <a href="/works/v1/openapi.json">/works/v1/openapi.json</a>.</noscript>
<script src="/works/docs/assets/swagger-ui-bundle.js"></script>
<script src="/works/docs/start.js"></script>
</body>
</html>`;

const STYLE = `body { margin: 0 }
.swagger-ui .wrapper { max-width: 1100px }
.swagger-ui .info { margin: 32px 0 8px }
.swagger-ui .info .title small { top: -2px }
.swagger-ui .renderedMarkdown pre { padding: 14px 16px; border-radius: 6px; background: #1f2937; overflow-x: auto }
.swagger-ui .info .renderedMarkdown pre code { padding: 0; background: none; color: #e5e7eb; font-size: 13px; line-height: 1.5; white-space: pre }
.swagger-ui .info .renderedMarkdown h2 { margin: 28px 0 8px; font-size: 18px }
.swagger-ui .info .renderedMarkdown p, .swagger-ui .info .renderedMarkdown li { font-size: 14px; line-height: 1.55; margin: 6px 0 }
.swagger-ui .scheme-container { padding: 16px 0; box-shadow: none; border-bottom: 1px solid #e5e7eb }
`;

/** Whoever tries an operation tries it here first: the document names the public address, which may be another server. */
const START = `fetch('/works/v1/openapi.json').then((response) => response.json()).then((spec) => {
  spec.servers = [{ url: '/works/v1', description: 'This server' }, ...spec.servers];
  SwaggerUIBundle({
    spec,
    dom_id: '#document',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
`;

/** Guarantees that the page asks nobody but us, wherever a later version of its parts may point. */
const POLICY = `default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' https://api.softknack.com; frame-ancestors 'none'`;

/** The document for machines, and the page that shows it to people. */
export async function addDocs(app: FastifyInstance, openApi: string): Promise<void> {
  app.get('/works/v1/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(openApi));
  app.get('/works/docs', (_request, reply) => reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY).send(PAGE));
  app.get('/works/docs/', (_request, reply) => reply.redirect('/works/docs'));
  app.get('/works/docs/page.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE));
  app.get('/works/docs/start.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(START));
  await app.register(staticFiles, { root: dirname(require.resolve('swagger-ui-dist')), prefix: '/works/docs/assets/', index: false });
}
