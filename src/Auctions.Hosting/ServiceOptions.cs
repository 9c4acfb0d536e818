using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Hosting;

/// <summary>Options that a section of the configuration is bound to, and that know what is wrong with them.</summary>
public interface ISectionOptions
{
    /// <summary>The section's name: the part of each key before the colon.</summary>
    static abstract string Section { get; }

    /// <summary>One line a key that is wrong: the key, what it must be, and what it is unless that is a secret.</summary>
    IEnumerable<string> Failures();
}

public static class SectionOptionsExtensions
{
    /// <summary>Binds a section once and validates it at start: a service whose configuration is wrong does not start.</summary>
    public static IServiceCollection AddSection<TOptions>(this IServiceCollection services, IConfiguration configuration)
        where TOptions : class, ISectionOptions
    {
        services.AddOptions<TOptions>().Bind(configuration.GetSection(TOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<TOptions>, SectionValidation<TOptions>>();
        return services;
    }

    private sealed class SectionValidation<TOptions> : IValidateOptions<TOptions>
        where TOptions : class, ISectionOptions
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            var failures = options.Failures().ToList();
            return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
        }
    }
}
