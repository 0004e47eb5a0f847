// Who may depend on whom: between projects by their tags, from Nx's own graph; between folders by dependency-cruiser (.dependency-cruiser.cjs).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from './install.mjs';

/** For each tag of a project, the tags of which a project it depends on must have one. */
const ALLOWED = {
  'type:app': ['type:contracts', 'type:platform'],
  'type:contracts': ['type:platform'],
  'type:platform': [],
  'scope:gateway': ['scope:gateway', 'scope:shared'],
  'scope:projects': ['scope:projects', 'scope:shared'],
  'scope:tasks': ['scope:tasks', 'scope:shared'],
  'scope:webhooks': ['scope:webhooks', 'scope:shared'],
  'scope:operator': ['scope:shared'],
  'scope:shared': ['scope:shared'],
};

const graph = await projectGraph();
const problems = [...untagged(graph), ...violations(graph)];
for (const problem of problems) console.error(problem);
console.log(`${Object.keys(graph.nodes).length} projects, ${problems.length} boundaries crossed`);
if (problems.length > 0) process.exitCode = 1;

const folders = ['apps', 'libs', 'e2e', 'bench', 'tools'];
await run(process.execPath, [join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), ...folders]).catch(
  () => (process.exitCode = 1),
);

async function projectGraph() {
  const folder = mkdtempSync(join(tmpdir(), 'works-graph-'));
  const file = join(folder, 'graph.json');
  try {
    // Without the daemon, so that the graph is of the files as they are now and no process stays behind.
    const env = { ...process.env, NX_DAEMON: 'false' };
    await run(process.execPath, [join(root, 'node_modules/nx/dist/bin/nx.js'), 'graph', `--file=${file}`], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return JSON.parse(readFileSync(file, 'utf8')).graph;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A project with a tag that no rule knows would be free to do anything. */
function untagged({ nodes }) {
  return Object.values(nodes).flatMap(({ name, data }) => {
    const known = (data.tags ?? []).filter((tag) => ALLOWED[tag]);
    const kinds = ['type:', 'scope:'].filter((kind) => !known.some((tag) => tag.startsWith(kind)));
    return kinds.map((kind) => `${name} has no tag ${kind}… that tools/boundaries.mjs knows`);
  });
}

function violations({ nodes, dependencies }) {
  const edges = Object.values(dependencies).flat();
  return edges.flatMap(({ source, target }) => {
    if (!nodes[source] || !nodes[target]) return [];
    const targetTags = nodes[target].data.tags ?? [];
    const broken = (nodes[source].data.tags ?? []).filter(
      (tag) => ALLOWED[tag] && !ALLOWED[tag].some((allowed) => targetTags.includes(allowed)),
    );
    return broken.map((tag) => `${source} (${tag}) must not depend on ${target} (${targetTags.join(', ')})`);
  });
}
