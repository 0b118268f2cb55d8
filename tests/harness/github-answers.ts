/** Bodies as GitHub's public OpenAPI description has them: the compiler holds them to its generated types. */
import type { components, operations } from "@octokit/openapi-types";

export type RunBody = components["schemas"]["workflow-run"];
export type RunsBody =
  operations["actions/list-workflow-runs-for-repo"]["responses"][200]["content"]["application/json"];
type UserBody = components["schemas"]["simple-user"];
type RepositoryBody = components["schemas"]["minimal-repository"];
/** Its own description has `status` as text too. */
export type ErrorBody = components["schemas"]["basic-error"];

export interface AttemptState {
  readonly owner: string;
  readonly repository: string;
  readonly repositoryId: number;
  readonly id: number;
  readonly attempt: number;
  readonly name: string;
  readonly path: string;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly updatedMs: number;
  /** undefined while it runs. */
  readonly conclusion: string | undefined;
}

export function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function user(api: string, login: string): UserBody {
  const url = `${api}/users/${login}`;
  return {
    login,
    id: 1,
    node_id: "MDQ6VXNlcjE=",
    avatar_url: `${url}/avatar`,
    gravatar_id: "",
    url,
    html_url: url,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: "Organization",
    site_admin: false,
  };
}

function repository(api: string, owner: string, name: string, id: number): RepositoryBody {
  const url = `${api}/repos/${owner}/${name}`;
  return {
    id,
    node_id: `R_${id}`,
    name,
    full_name: `${owner}/${name}`,
    private: true,
    owner: user(api, owner),
    html_url: url,
    description: null,
    fork: false,
    url,
    archive_url: `${url}/{archive_format}{/ref}`,
    assignees_url: `${url}/assignees{/user}`,
    blobs_url: `${url}/git/blobs{/sha}`,
    branches_url: `${url}/branches{/branch}`,
    collaborators_url: `${url}/collaborators{/collaborator}`,
    comments_url: `${url}/comments{/number}`,
    commits_url: `${url}/commits{/sha}`,
    compare_url: `${url}/compare/{base}...{head}`,
    contents_url: `${url}/contents/{+path}`,
    contributors_url: `${url}/contributors`,
    deployments_url: `${url}/deployments`,
    downloads_url: `${url}/downloads`,
    events_url: `${url}/events`,
    forks_url: `${url}/forks`,
    git_commits_url: `${url}/git/commits{/sha}`,
    git_refs_url: `${url}/git/refs{/sha}`,
    git_tags_url: `${url}/git/tags{/sha}`,
    issue_comment_url: `${url}/issues/comments{/number}`,
    issue_events_url: `${url}/issues/events{/number}`,
    issues_url: `${url}/issues{/number}`,
    keys_url: `${url}/keys{/key_id}`,
    labels_url: `${url}/labels{/name}`,
    languages_url: `${url}/languages`,
    merges_url: `${url}/merges`,
    milestones_url: `${url}/milestones{/number}`,
    notifications_url: `${url}/notifications{?since,all,participating}`,
    pulls_url: `${url}/pulls{/number}`,
    releases_url: `${url}/releases{/id}`,
    stargazers_url: `${url}/stargazers`,
    statuses_url: `${url}/statuses/{sha}`,
    subscribers_url: `${url}/subscribers`,
    subscription_url: `${url}/subscription`,
    tags_url: `${url}/tags`,
    teams_url: `${url}/teams`,
    trees_url: `${url}/git/trees{/sha}`,
    hooks_url: `${url}/hooks`,
  };
}

/** The fields that the build handler reads, alone: a full body has ten kilobytes, which a long simulation need not parse. */
export function briefly(body: RunBody): Partial<RunBody> {
  const { id, name, path, status, conclusion, run_attempt = 1, created_at, updated_at } = body;
  const { run_started_at = created_at } = body;
  return { id, name: name ?? null, path, status, conclusion, run_attempt, created_at, updated_at, run_started_at };
}

/** One attempt of a run, as both the listing and the attempt's own address give it. */
export function runBody(api: string, state: AttemptState): RunBody {
  const home = `${api}/repos/${state.owner}/${state.repository}`;
  const url = `${home}/actions/runs/${state.id}`;
  const place = repository(api, state.owner, state.repository, state.repositoryId);
  const sha = "009b8a3a9ccbb128af87f9b1c0f4c62e8a304f6d";
  return {
    id: state.id,
    name: state.name,
    node_id: `WFR_${state.id}`,
    head_branch: "main",
    head_sha: sha,
    path: state.path,
    display_title: "A change",
    run_number: state.id % 1000,
    event: "push",
    status: state.conclusion === undefined ? "in_progress" : "completed",
    conclusion: state.conclusion ?? null,
    workflow_id: 5,
    check_suite_id: 42,
    check_suite_node_id: "CS_42",
    url,
    html_url: url,
    pull_requests: [],
    created_at: time(state.createdMs),
    updated_at: time(state.updatedMs),
    actor: user(api, "octocat"),
    run_attempt: state.attempt,
    referenced_workflows: [],
    run_started_at: time(state.startedMs),
    triggering_actor: user(api, "octocat"),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${home}/check-suites/42`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: state.attempt > 1 ? `${url}/attempts/${state.attempt - 1}` : null,
    workflow_url: `${home}/actions/workflows/5`,
    head_commit: {
      id: sha,
      tree_id: sha,
      message: "A change",
      timestamp: time(state.createdMs),
      author: { name: "Octocat", email: "octocat@example.com" },
      committer: { name: "Octocat", email: "octocat@example.com" },
    },
    repository: place,
    head_repository: place,
  };
}
